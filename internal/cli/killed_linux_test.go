package cli

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/testsize"
)

// TestKilledServerStartsAgain kills servers with SIGKILL: while they start, while they serve, and
// during an upgrade. It checks that the next server starts, and leaves no file when it ends.
func TestKilledServerStartsAgain(t *testing.T) {
	t.Parallel() // it waits for most of its time
	dir, addr := t.TempDir(), freeAddr(t)
	pidFile := filepath.Join(dir, "pid")
	start := func() *process {
		p := &process{cmd: command("serve", "--listen", addr, "--pid-file", pidFile, "--log", "each",
			"--shards", "2")}
		if err := p.start(0); err != nil {
			t.Fatal(err)
		}
		return p
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("random seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	wait := func() { // not for an event: until the moment of the kill
		<-time.After(time.Duration(random.IntN(20_000)) * time.Microsecond)
	}
	for i := range testsize.Pick(30, 6) {
		p := start()
		if i%3 > 0 {
			awaitAnswer(t, addr, "Hello")
		}
		if i%3 == 1 {
			p.cmd.Process.Signal(syscall.SIGUSR2)
		}
		wait()
		p.cmd.Process.Kill()
		p.cmd.Wait()
		killSuccessor(t, pidFile, addr)
		<-p.ended // with the successor, which has the same standard error
	}
	p := start()
	t.Cleanup(p.kill)
	awaitAnswer(t, addr, "again")
	if pid := pidIn(t, pidFile); pid != p.cmd.Process.Pid {
		t.Errorf("the PID file names %d, want %d", pid, p.cmd.Process.Pid)
	}
	if text, err := p.stop(); err != nil {
		t.Errorf("the last server ended with %v: %s", err, text)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// killSuccessor kills the process of a PID file if it serves addr, and waits until addr is free. A
// successor that was not ready ends by itself.
func killSuccessor(t *testing.T, pidFile, addr string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if pc, err := net.ListenPacket("udp4", addr); err == nil {
			pc.Close()
			return
		}
		var pid int
		text, _ := os.ReadFile(pidFile)
		fmt.Sscan(string(text), &pid)
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if bytes.Contains(args, []byte(addr)) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		<-time.After(time.Millisecond)
	}
	t.Fatalf("%s is still in use", addr)
}
