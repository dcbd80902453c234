package cli

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/loopback"
)

// fillPipe writes to a pipe until it is full. It opens the pipe again, so that the other descriptors
// of the pipe still block.
func fillPipe(t *testing.T, w *os.File) {
	t.Helper()
	name := fmt.Sprintf("/proc/self/fd/%d", w.Fd())
	fd, err := syscall.Open(name, syscall.O_WRONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	for _, b := range [][]byte{make([]byte, 4096), {'\n'}} {
		for err = nil; err == nil; {
			_, err = syscall.Write(fd, b)
		}
	}
	if !errors.Is(err, syscall.EAGAIN) {
		t.Fatal(err)
	}
}

// If the reader of the log stalls, no message of the server delays a response or a signal: neither
// that of a limited prefix nor that of a reload. An upgrade succeeds, too.
func TestStalledLogReaderDelaysNoMessage(t *testing.T) {
	log, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	denied := filepath.Join(t.TempDir(), "denied")
	if err := os.WriteFile(denied, []byte("192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	u := &upgradable{t: t, pidFile: denied + ".pid"}
	cmd := command("serve", "--listen", addr, "--log", "none", "--limit-local", "--rate-limit", "50",
		"--rate-burst", "10", "--deny", "@"+denied, "--pid-file", u.pidFile)
	cmd.Stderr = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	u.process = &process{cmd: cmd, ended: make(chan struct{})}
	close(u.ended) // the test reads standard error itself
	t.Cleanup(u.killAll)
	killer := time.AfterFunc(2*patience, u.killAll)
	defer killer.Stop()
	awaitAnswer(t, addr, "Hello")
	fillPipe(t, w)
	w.Close()
	flood := connectFrom(t, "127.0.0.9", addr)
	for i := range 100 {
		fmt.Fprintf(flood, "flood %d", i) // the server reports the source
	}
	awaitAnswer(t, addr, "after the limit")
	for range 100 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	awaitAnswer(t, addr, "after the reloads")
	u.pid = u.awaitPID("")
	u.signal(syscall.SIGUSR2)
	u.pid = u.awaitPID(u.pid)
	awaitAnswer(t, addr, "after the upgrade")
	u.signal(syscall.SIGTERM)
	text, err := io.ReadAll(log)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		t.Error(err)
	}
	_, after, _ := strings.Cut(string(text), "limiting the rate")
	if !strings.Contains(after, "\nreceived ") { // the old process may have given up before
		t.Errorf("the server printed %q", after)
	}
}

// TestServeWithoutStreams checks that a server serves on without its standard streams: if they are
// closed, if their disk is full, or if their reader ends early.
func TestServeWithoutStreams(t *testing.T) {
	shell := program(t, "sh")
	for _, tt := range []struct{ name, script string }{
		{"output closed", `exec "$@" >&-`},
		{"all closed", `exec "$@" <&- >&- 2>&-`},
		{"output to head", `"$@" | head -1`},
		{"log to head", `"$@" 2>&1 | head -1`},
		{"log to a program that has ended", `"$@" 2>&1 | :`},
		{"log on a full disk", `exec "$@" >/dev/full 2>/dev/full`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pidFile := filepath.Join(t.TempDir(), "pid")
			addr := freeAddr(t)
			cmd := exec.Command(shell, "-c", tt.script, "sh", "ohce", "serve", "--listen", addr,
				"--listen", "127.0.0.1:0", "--log", "each", "--pid-file", pidFile)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitAnswer(t, addr, "Hello")
			pid := pidIn(t, pidFile)
			killer := time.AfterFunc(patience, func() { syscall.Kill(pid, syscall.SIGKILL) })
			defer killer.Stop()
			c := connectFrom(t, "127.0.0.4", addr)
			c.SetDeadline(time.Now().Add(patience))
			exchange(t, c, 1000)
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(pidFile); err == nil {
				t.Error("the server was killed: its PID file is left")
			}
		})
	}
}

// pidIn returns the process ID in a file.
func pidIn(t *testing.T, name string) (pid int) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		_, err = fmt.Sscan(string(text), &pid)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// TestSuspendedServerContinues stops a server with SIGSTOP while requests arrive. After SIGCONT, the
// server answers those that the kernel has queued, and counts the others as dropped by the kernel.
func TestSuspendedServerContinues(t *testing.T) {
	const n = 20_000
	p := serving(t, "--log", "none")
	c := connect(t, p.addrs[0])
	request := make([]byte, 1000)
	for range 3 {
		suspend(t, p.cmd.Process)
		for i := range n / 2 {
			copy(request, fmt.Sprintf("%08d", i))
			if _, err := c.Write(request); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	exchange(t, connect(t, p.addrs[0]), 100)
	text, err := p.stop()
	if err != nil {
		t.Fatal(err)
	}
	var received, answered, dropped, kernel int
	parseSummary(t, text, &received, &answered, &dropped, &kernel)
	portable, err := scriptCondition("portable")
	if err != nil {
		t.Fatal(err)
	}
	counted := received+kernel == 3*n/2+100 && kernel > 0 || portable // does not count kernel drops
	if !counted || answered != received || dropped > 0 {
		t.Errorf("sent %d, the server printed %s", 3*n/2+100, text)
	}
	t.Log(text)
}

// freeAddr returns a loopback address without a listener.
func freeAddr(t *testing.T) string {
	t.Helper()
	addr, err := loopback.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr.String()
}

func connectFrom(t *testing.T, ip, addr string) *net.UDPConn {
	t.Helper()
	c, err := dialFrom(net.ParseIP(ip), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// dialFrom returns a socket with an IP address that is connected to addr. Its port is not that of
// addr, which the server would take for a loop.
func dialFrom(ip net.IP, addr string) (*net.UDPConn, error) {
	to, err := net.ResolveUDPAddr("udp4", addr)
	if err != nil {
		return nil, err
	}
	for {
		c, err := net.DialUDP("udp4", &net.UDPAddr{IP: ip}, to)
		if err != nil || c.LocalAddr().(*net.UDPAddr).Port != to.Port {
			return c, err
		}
		c.Close()
	}
}

// awaitAnswer sends a request until a server answers it. Each attempt has a different text.
func awaitAnswer(t *testing.T, addr, text string) {
	t.Helper()
	c := connectFrom(t, "127.0.0.4", addr)
	buf := make([]byte, 100)
	deadline := time.Now().Add(patience)
	for i := 0; time.Now().Before(deadline); i++ {
		fmt.Fprintf(c, "%s %d", text, i)
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Read(buf); err == nil {
			return
		} else if !errors.Is(err, os.ErrDeadlineExceeded) {
			<-time.After(10 * time.Millisecond) // the server does not listen yet
		}
	}
	t.Fatalf("no answer to %q", text)
}
