//go:build unix

package cli

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// On SIGHUP the server answers the requests that the kernel has queued. The kernel and the shell
// both send SIGHUP when a terminal closes, so a second one does not end the server early.
func TestHangupAnswersQueuedRequests(t *testing.T) {
	const queued = 100
	p := serving(t)
	c := connect(t, p.addrs[0])
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for i := range queued {
		if _, err := fmt.Fprintf(c, "Hello %d", i); err != nil { // equal requests would look like a loop
			t.Fatal(err)
		}
	}
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGCONT, syscall.SIGHUP} {
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
	}
	text, err := p.wait()
	if err != nil || !strings.Contains(text, "received 100, answered 100, dropped 0") {
		t.Errorf("serve ended with %v and printed:\n%s", err, text)
	}
}

// Under nohup the process starts with SIGHUP ignored and keeps ignoring it.
func TestNohupServeIgnoresHangup(t *testing.T) {
	nohup := program(t, "nohup")
	// testscript.Main puts ohce on the path.
	p := &process{cmd: exec.Command(nohup, "ohce", "serve", "--listen", "127.0.0.1:0")}
	if err := p.start(1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	exchange(t, connect(t, p.addrs[0]), 10)
	if text, err := p.stop(); err != nil || !strings.Contains(text, "received 10, answered 10") {
		t.Errorf("serve ended with %v and printed:\n%s", err, text)
	}
}

func TestHangupInterruptsSend(t *testing.T) {
	testSignaledSend(t, syscall.SIGHUP, syscall.SIGHUP)
}
