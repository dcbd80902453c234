//go:build unix

package cli

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
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
	nohup, err := exec.LookPath("nohup")
	if err != nil {
		t.Skip(err)
	}
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
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	cmd := command("send", "--server", pc.LocalAddr().String(), "--retry", "1m", "Hello")
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer killer.Stop()
	pc.SetDeadline(time.Now().Add(patience))
	if _, _, err := pc.ReadFrom(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("send ended with %v and printed %q", err, &errs)
	}
}
