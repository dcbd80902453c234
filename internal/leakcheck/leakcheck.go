// Package leakcheck fails the tests of a package if they leave goroutines running.
//
//	func TestMain(m *testing.M) { leakcheck.Main(m) }
//
// The check runs once, after the last test, so it cannot name the test that started a goroutine.
// The goroutine's stack shows where it was created. Main does not check while fuzzing, because the
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

// endTimeout is the time that goroutines have to end after the last test.
const endTimeout = 2 * time.Second

// Main runs the tests and exits. If the tests pass, but goroutines are still running two seconds
// later, Main prints their stacks to standard error and exits with code 1. It does not return.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 && !fuzzing() {
		if left := leaked(endTimeout); len(left) > 0 {
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

// leaked waits until all goroutines have ended and returns nil. After timeout, it returns the
// stacks of those that are still running.
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

// others returns the stacks of all goroutines except the calling one and the expected ones.
func others() []string {
	var left []string
	for i, stack := range strings.Split(stacks(), "\n\n") {
		if i > 0 && !expected(stack) { // the first is the calling goroutine
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

// expected reports whether a stack belongs to a goroutine that runs until the process ends, which
// are those of os/signal and of the profiler.
func expected(stack string) bool {
	for _, creator := range []string{"created by os/signal.", "created by runtime/pprof."} {
		if strings.Contains(stack, creator) {
			return true
		}
	}
	return false
}
