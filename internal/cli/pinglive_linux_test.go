package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ohce/ohce/internal/loopback"
)

// A pseudoTerminal is the controlling terminal of a process. It collects the output.
type pseudoTerminal struct {
	master, slave *os.File

	mu   sync.Mutex
	text strings.Builder
}

// newPseudoTerminal opens a pseudo-terminal. It skips the test if the system has none.
func newPseudoTerminal(t *testing.T, columns, rows uint16) *pseudoTerminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	p := &pseudoTerminal{master: master}
	var n uint32
	p.control(t, func(fd int) (err error) {
		if err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetUint32(fd, unix.TIOCGPTN)
		}
		return err
	})
	p.slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { p.slave.Close() })
	p.resize(t, columns, rows)
	return p
}

func (p *pseudoTerminal) control(t *testing.T, f func(fd int) error) {
	t.Helper()
	raw, err := p.master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err2 := raw.Control(func(fd uintptr) { err = f(int(fd)) }); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
}

func (p *pseudoTerminal) resize(t *testing.T, columns, rows uint16) {
	t.Helper()
	p.control(t, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	})
}

// run starts a command on the terminal and collects its output until the end. The channel receives
// the result of the command.
func (p *pseudoTerminal) run(t *testing.T, cmd *exec.Cmd) <-chan error {
	t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.slave, p.slave, p.slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	p.slave.Close() // so that the master reports the end of the process
	ended := make(chan error, 1)
	go func() { // ends with the process, at the latest when Cleanup kills it
		io.Copy(writerFunc(func(b []byte) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.text.Write(b)
		}), p.master)
		ended <- cmd.Wait()
	}()
	return ended
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) { f(b); return len(b), nil }

// output returns the output so far.
func (p *pseudoTerminal) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// await waits until the output after the first from bytes matches pattern.
func (p *pseudoTerminal) await(t *testing.T, from int, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !re.MatchString(p.output()[from:]); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("the output does not match %s: %q", pattern, last(p.output()[from:]))
		}
	}
}

// last returns the end of a long text.
func last(text string) string { return text[max(len(text)-4000, 0):] }

// TestPingLive runs ohce ping --live on a pseudo-terminal, changes the size of the terminal and
// presses Ctrl-C.
func TestPingLive(t *testing.T) {
	for _, coloured := range []bool{true, false} {
		t.Run(fmt.Sprintf("coloured %v", coloured), func(t *testing.T) {
			testPingLive(t, coloured)
		})
	}
}

func testPingLive(t *testing.T, coloured bool) {
	server := serving(t, "--log", "none")
	p := newPseudoTerminal(t, 100, 30)
	cmd := command("ping", "--live", "-i", "5ms", server.addrs[0])
	cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
	if !coloured {
		cmd.Env = append(cmd.Env, "NO_COLOR=1")
	}
	ended := p.run(t, cmd)
	// The terminal is wide enough for one line of percentiles only after the change of its size.
	p.await(t, 0, `(?s)^\x1b\[\?1049h.*ping 127\.0\.0\.1.*\r+\n.*round trip min .*,\r+\n.*from .* ms +[0-9]+ █`)
	p.await(t, 0, `\.{10}`)
	from := len(p.output())
	p.resize(t, 200, 50)
	p.await(t, from, `round trip min [^\r]* jitter [0-9.]+ ms\r+\n`)
	if _, err := p.master.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("ohce ping ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatalf("Ctrl-C does not end ohce ping: %q", last(p.output()))
	}
	screen, rest, _ := strings.Cut(p.output(), leaveScreen)
	summary := regexp.MustCompile(`^ping 127\.0\.0\.1:[0-9]+\r\n\r\n[0-9]+ sent, [^\r]*\r\nround trip [^\r]*\r\n(receive delay [^\r]*\r\n)?$`)
	if !summary.MatchString(rest) {
		t.Errorf("after the live view, the terminal shows %q", rest)
	}
	if got := strings.Contains(screen, "\x1b[32m"); got != coloured {
		t.Errorf("green in the live view: %v, want %v", got, coloured)
	}
}

// The terminal is restored if the server cannot be pinged, too.
func TestPingLiveFails(t *testing.T) {
	p := newPseudoTerminal(t, 80, 24)
	pc, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	cmd := command("ping", "--live", "-c", "2", "-i", "10ms", pc.LocalAddr().String())
	cmd.Env = append(cmd.Env, "TERM=xterm")
	<-p.run(t, cmd)
	_, rest, ok := strings.Cut(p.output(), leaveScreen)
	if code := cmd.ProcessState.ExitCode(); code != exitRefused || !ok || !strings.Contains(rest, "2 refused") ||
		!strings.Contains(rest, "no right response from ") {
		t.Errorf("exit code %d, the terminal shows %q", code, last(p.output()))
	}
}
