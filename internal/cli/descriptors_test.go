//go:build linux

package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/ohce/ohce"
)

// limited returns the command "ohce ARGS...", run with a limit of n open files.
func limited(t *testing.T, n int, args ...string) *exec.Cmd {
	t.Helper()
	script := fmt.Sprintf(`ulimit -n %d; exec -a ohce "$0" "$@"`, n)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, program(t, "bash"),
		append([]string{"-c", script, os.Args[0]}, args...)...)
}

// With too few file descriptors each command fails with a hint instead of a crash of the Go runtime.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	const want = "ohce: too many open files: ohce needs 16 more\nhint: " + descriptorHint + "\n"
	for _, args := range [][]string{
		{"serve", "--listen", "127.0.0.1:0"},
		{"send", "--server", "127.0.0.1:9", "--retry", "20ms", "Hello"},
		{"link", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:9", "--api", "none"},
		{"link", "ctl", "list"},
		{"demo"},
	} {
		t.Run(strings.Join(args[:1], " "), func(t *testing.T) {
			for n := 4; n <= 12; n++ {
				cmd := limited(t, n, args...)
				var errs bytes.Buffer
				cmd.Stderr = &errs
				cmd.Run()
				if code := cmd.ProcessState.ExitCode(); code != exitFail || errs.String() != want {
					t.Errorf("with %d descriptors: exit code %d and %.300q, want %d and %q", n, code,
						errs.String(), exitFail, want)
				}
			}
		})
	}
	if out, err := limited(t, 4, "version").Output(); err != nil {
		t.Errorf("version needs descriptors: %q, %v", out, err)
	}
}

// The hint is the same if the descriptors run out later.
func TestDescriptorsRunOut(t *testing.T) {
	args := []string{"serve"}
	for range 40 {
		args = append(args, "--listen", "127.0.0.1:0")
	}
	cmd := limited(t, 30, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != exitFail ||
		!strings.HasSuffix(errs.String(), "too many open files\nhint: "+descriptorHint+"\n") {
		t.Errorf("serve ended with %d and %q", code, errs.String())
	}
	s := sender{flags: &sendFlags{servers: []string{"127.0.0.1:9"}}}
	f := s.failure(nil, &ohce.OpError{Op: "exchange", Addr: "127.0.0.1:9", Err: &net.OpError{
		Op: "dial", Net: "udp", Err: os.NewSyscallError("socket", syscall.EMFILE)}})
	if f.hint != descriptorHint || !strings.Contains(f.what, "too many open files") {
		t.Errorf("send fails with %+v", f)
	}
}
