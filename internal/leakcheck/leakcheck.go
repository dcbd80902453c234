// Package leakcheck lets the tests of a package fail when they leave goroutines behind.
//
//	func TestMain(m *testing.M) { leakcheck.Main(m) }
//
// It looks once, after the last test, so a goroutine is found but not the test that started it; the
// stack says where it was created. While fuzzing it does not look: the engine has goroutines and
// processes of its own.
package leakcheck

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// grace is how long goroutines that are about to end may take.
const grace = 2 * time.Second

// Main runs the tests and ends the process. If they pass but goroutines are left after a grace of
// two seconds, it prints their stacks to standard error and the exit code is 1. It is for TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 && !fuzzing() {
		if left := leaked(grace); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "leakcheck: goroutines left behind: %d\n\n%s\n", len(left),
				strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

func fuzzing() bool {
	f := flag.Lookup("test.fuzz")
	return f != nil && f.Value.String() != ""
}

// leaked returns the stacks of the goroutines that are still there when patience is over, or nil as
// soon as there are none.
func leaked(patience time.Duration) []string {
	over := time.NewTimer(patience)
	defer over.Stop()
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		left := others()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-look.C:
		case <-over.C:
			return left
		}
	}
}

// others returns the stacks of all goroutines but this one and those of the testing machinery.
func others() []string {
	var left []string
	for i, stack := range strings.Split(stacks(), "\n\n") {
		if i > 0 && !expected(stack) { // the first is this goroutine
			left = append(left, strings.TrimSpace(stack))
		}
	}
	return left
}

// stacks is what the runtime tells of every goroutine. Its own are not among them.
func stacks() string {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}

// expected reports whether a stack is of a goroutine that lives as long as the process: the one that
// waits for signals, which os/signal starts once and never ends, and the profiler's.
func expected(stack string) bool {
	for _, begun := range []string{"created by os/signal.", "created by runtime/pprof."} {
		if strings.Contains(stack, begun) {
			return true
		}
	}
	return false
}
