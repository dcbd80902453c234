package udp

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// filesLimit is the environment variable that makes this program open sockets, instead of running
// tests, with a limit of so many files besides those that it has open already.
const filesLimit = "OHCE_TEST_FILES"

// openUnderLimit listens and dials under a limit, and reports what happened.
func openUnderLimit(limit string) {
	more, err := strconv.ParseUint(limit, 10, 64)
	if err == nil {
		err = limitFiles(more)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = Listen(context.Background(), "127.0.0.1:0", 1)
	report("listen", err)
	_, err = Dial(context.Background(), "127.0.0.1:9")
	report("dial", err)
}

// limitFiles allows so many more open files.
func limitFiles(more uint64) error {
	free, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // the lowest descriptor that is free
	if err != nil {
		return err
	}
	unix.Close(free)
	limit := uint64(free) + more
	return unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: limit})
}

func report(op string, err error) {
	switch {
	case err == nil:
		fmt.Println(op + ": ok")
	case TooManyFiles(err):
		fmt.Println(op + ": too many files")
	default:
		fmt.Printf("%s: %v\n", op, err)
	}
}

// TestFewDescriptors opens sockets in programs that may have very few files open: an error says so,
// and none ends in the runtime's traceback.
func TestFewDescriptors(t *testing.T) {
	const few, one, both = "listen: too many files, dial: too many files",
		"listen: ok, dial: too many files", "listen: ok, dial: ok"
	last := ""
	for limit := range 12 {
		cmd := exec.Command(os.Args[0])
		// Under the race detector a program otherwise sleeps for a second at its end.
		cmd.Env = append(os.Environ(), fmt.Sprint(filesLimit, "=", limit), "GORACE=atexit_sleep_ms=0")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("with %d files: %v\n%.300s", limit, err, out)
		}
		last = strings.ReplaceAll(strings.TrimSpace(string(out)), "\n", ", ")
		if last != few && last != one && last != both {
			t.Errorf("with %d files: %q", limit, last)
		}
	}
	if last != both {
		t.Errorf("with 11 files: %q, want %q", last, both)
	}
}
