// Package leakcheck fails the tests of a package if they leave goroutines running.
//
//	func TestMain(m *testing.M) { leakcheck.Main(m) }
//
// It checks once, after the last test, and therefore cannot name the test that started a goroutine.
// The goroutine's stack shows where it was created. While fuzzing it does not check, because the
// fuzzing engine has goroutines of its own.
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

// grace is the time that goroutines have to end after the last test.
const grace = 2 * time.Second

// Main runs the tests and exits. If the tests pass but goroutines are still running two seconds
// later, it prints their stacks to standard error and exits with code 1. Call it from TestMain.
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

// leaked waits until no goroutines are left and returns nil, or returns the stacks of those that
// are still running after timeout.
func leaked(timeout time.Duration) []string {
	expired := time.NewTimer(timeout)
	defer expired.Stop()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for {
		left := others()
		if len(left) == 0 {
			return nil
		}
		select {
		case <-poll.C:
		case <-expired.C:
			return left
		}
	}
}

// others returns the stacks of all goroutines except this one and the expected ones.
func others() []string {
	var left []string
	for i, stack := range strings.Split(stacks(), "\n\n") {
		if i > 0 && !expected(stack) { // the first is this goroutine
			left = append(left, strings.TrimSpace(stack))
		}
	}
	return left
}

// stacks returns the stacks of all goroutines except those of the runtime.
func stacks() string {
	for size := 1 << 16; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}

// expected reports whether a stack belongs to a goroutine that runs until the process ends: that of
// os/signal, which is started once and never ends, or the profiler's.
func expected(stack string) bool {
	for _, creator := range []string{"created by os/signal.", "created by runtime/pprof."} {
		if strings.Contains(stack, creator) {
			return true
		}
	}
	return false
}
