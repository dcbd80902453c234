package handover

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Program describes how to start the successor of a process.
type Program struct {
	// Path is the absolute path of the executable.
	Path string

	// Args are the arguments. The first one is the name of the program.
	Args []string

	// ReadyTimeout is how long Start waits until the successor is ready. If zero, it is
	// DefaultReadyTimeout.
	ReadyTimeout time.Duration
}

// DefaultReadyTimeout is the default of Program.ReadyTimeout.
const DefaultReadyTimeout = 10 * time.Second

// Self returns the program that the process runs, with its arguments. It should be called when the
// process starts, because it depends on the working directory and PATH. The path is the one by
// which the program was called, so that Start follows a symbolic link that has changed.
func Self() (Program, error) {
	name, err := exec.LookPath(os.Args[0])
	if err == nil {
		name, err = filepath.Abs(name)
	}
	if err != nil {
		if name, err = os.Executable(); err != nil {
			return Program{}, fmt.Errorf("handover: %w", err)
		}
	}
	return Program{Path: name, Args: os.Args}, nil
}

func (p Program) timeout() time.Duration { return cmp.Or(p.ReadyTimeout, DefaultReadyTimeout) }

// successorEnv returns env for a successor of the process pid that inherits n sockets. LISTEN_PID,
// LISTEN_FDS and WATCHDOG_PID name this process, so they are removed. Without WATCHDOG_PID, the
// watchdog applies to the successor.
func successorEnv(env []string, pid, n int) []string {
	next := make([]string, 0, len(env)+2)
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case listenPID, listenFDs, listenNames, handoverPPID, handoverFDs, "LISTEN_PIDFDID",
			"WATCHDOG_PID":
		default:
			next = append(next, v)
		}
	}
	return append(next, fmt.Sprintf("%s=%d", handoverPPID, pid), fmt.Sprintf("%s=%d", handoverFDs, n))
}

// notReady returns the reason why a successor did not become ready. read is the error of reading
// the ready pipe, and state is that of the process, which Start has ended.
func (p Program) notReady(read error, state *os.ProcessState) error {
	switch {
	case errors.Is(read, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s was not ready within %v", p.Path, p.timeout())
	case state != nil && state.Exited():
		return fmt.Errorf("%s exited with code %d before it was ready", p.Path, state.ExitCode())
	case state != nil:
		return fmt.Errorf("%s ended before it was ready (%v)", p.Path, state)
	default:
		return fmt.Errorf("%s was not ready: %w", p.Path, read)
	}
}
