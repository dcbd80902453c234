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

// filesLimit is an environment variable. If it is set to a number, the test binary runs no tests,
// but opens sockets with a limit of that many additional files.
const filesLimit = "OHCE_TEST_FILES"

// openUnderLimit calls Listen and Dial under a limit, and prints the results.
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

// limitFiles limits the number of additional open files.
func limitFiles(more uint64) error {
	free, err := unix.Eventfd(0, unix.EFD_CLOEXEC) // the lowest free descriptor
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

// TestFewDescriptors opens sockets in processes with very low limits on open files. Each must
// report an error, and none may crash in the runtime.
func TestFewDescriptors(t *testing.T) {
	const few, one, both = "listen: too many files, dial: too many files",
		"listen: ok, dial: too many files", "listen: ok, dial: ok"
	last := ""
	for limit := range 12 {
		cmd := exec.Command(os.Args[0])
		// Without GORACE, the race detector makes each process sleep for 1 s at exit.
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
