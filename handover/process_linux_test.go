package handover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// successorMode names the variable that makes the test binary a successor, and what it does.
const successorMode = "OHCE_TEST_SUCCESSOR"

// successorError names the variable with the file to which a successor writes the error of Inherit.
const successorError = "OHCE_TEST_SUCCESSOR_ERROR"

// asSuccessor does what successorMode says.
func asSuccessor(mode string) int {
	in, err := Inherit()
	if err != nil {
		os.WriteFile(os.Getenv(successorError), []byte(err.Error()), 0o600)
		return 7
	}
	switch mode {
	case "exit":
		return 3
	case "count":
		return 10 + len(in.Sockets) + 20*openDescriptors()
	case "hang":
		select {}
	case "close":
		in.Close()
		select {}
	}
	if err := in.Ready(); err != nil {
		return 4
	}
	if mode == "accept" {
		return acceptOne(in)
	}
	conn := in.Sockets[0].Conn
	conn.SetDeadline(time.Now().Add(testTimeout))
	buf := make([]byte, 100)
	n, from, err := conn.ReadFromUDPAddrPort(buf)
	if err != nil {
		return 5
	}
	text := fmt.Sprintf("%s %d %d %v", buf[:n], len(in.Sockets), openDescriptors(),
		os.Getenv(handoverFDs) == "" && os.Getenv("WATCHDOG_PID") == "")
	conn.WriteToUDPAddrPort([]byte(text), from)
	return 0
}

// inheritError makes successors write the errors of Inherit to a file, and returns a function that
// reads the last one.
func inheritError(t *testing.T) func() string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "error")
	t.Setenv(successorError, name)
	return func() string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Errorf("Inherit has not failed: %v", err)
		}
		return string(text)
	}
}

// openDescriptors counts the descriptors that are neither closed on exec nor standard streams.
func openDescriptors() (open int) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		var fd int
		fmt.Sscan(e.Name(), &fd)
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && fd > 2 &&
			flags&unix.FD_CLOEXEC == 0 {
			open++
		}
	}
	return open
}

// successor returns this test binary as a program that does what mode says.
func successor(t *testing.T, mode string) Program {
	t.Helper()
	t.Setenv(successorMode, mode)
	p, err := Self()
	if err != nil {
		t.Fatal(err)
	}
	p.ReadyTimeout = testTimeout
	return p
}

// socket returns a bound socket and a duplicate of its descriptor.
func socket(t *testing.T) (*net.UDPConn, *os.File) {
	t.Helper()
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	f, err := pc.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return pc, f
}

// TestStart checks that a successor answers a request that was queued before it started, and that
// it inherits nothing but the sockets.
func TestStart(t *testing.T) {
	t.Setenv("WATCHDOG_PID", "1")
	first, firstFile := socket(t)
	_, secondFile := socket(t)
	c, err := net.Dial("udp", first.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(testTimeout))
	if _, err := c.Write([]byte("Hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := successor(t, "serve").Start(t.Context(), firstFile, secondFile); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	n, err := c.Read(buf)
	want := fmt.Sprintf("Hello 2 %d true", openDescriptors())
	if got := string(buf[:n]); err != nil || got != want {
		t.Errorf("response %q, %v, want %q", got, err, want)
	}
	var flags int
	rc, _ := first.SyscallConn()
	rc.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) })
	if err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("the socket has the flags %#x, %v, want O_NONBLOCK", flags, err)
	}
}

// TestStartFails checks that Start names the reason and leaves the socket to the caller.
func TestStartFails(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	self := os.Args[0]
	for _, tt := range []struct{ name, mode, path, want string }{
		{"exits", "exit", self, "exited with code 3 before it was ready"},
		{"hangs", "hang", self, "was not ready within 100ms"},
		{"closes the pipe", "close", self, "ended before it was ready (signal: killed)"},
		{"missing", "", script + ".missing", "cannot be started: no such file or directory"},
		{"no program", "", script, "cannot be started: exec format error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, file := socket(t)
			p := successor(t, tt.mode)
			p.Path = tt.path
			if tt.mode == "hang" {
				p.ReadyTimeout = 100 * time.Millisecond
			}
			pid, err := p.Start(t.Context(), file)
			if err == nil || pid != 0 || !strings.Contains(err.Error(), tt.want) ||
				!strings.HasPrefix(err.Error(), p.Path) {
				t.Errorf("Start = %d, %v, want %q", pid, err, tt.want)
			}
		})
	}
}

func TestStartEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := successor(t, "hang").Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Start = %v, want context.DeadlineExceeded", err)
	}
}

// acceptOne accepts one connection of an inherited listener, and writes a line to it.
func acceptOne(in *Inheritance) int {
	l := in.TakeListener(in.Listeners[0].Addr)
	if l == nil || len(in.Listeners) != 0 || len(in.Sockets) != 0 {
		return 6
	}
	l.SetDeadline(time.Now().Add(testTimeout))
	c, err := l.Accept()
	if err != nil {
		return 5
	}
	defer c.Close()
	fmt.Fprintf(c, "%d\n", openDescriptors())
	return 0
}

// TestStartPassesListeners checks that a successor accepts a connection that was queued before it
// started.
func TestStartPassesListeners(t *testing.T) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(testTimeout))
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := successor(t, "accept").Start(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	var open int
	if _, err := fmt.Fscanln(c, &open); err != nil || open != openDescriptors() {
		t.Errorf("the successor has %d descriptors, %v, want %d", open, err, openDescriptors())
	}
}

// connection returns a duplicate of the descriptor of a TCP connection.
func connection(t *testing.T) *os.File {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// TestInheritRejectsConnections checks that a connection is reported, with its descriptor.
func TestInheritRejectsConnections(t *testing.T) {
	_, file := socket(t)
	reason := inheritError(t)
	_, err := successor(t, "serve").Start(t.Context(), file, connection(t))
	if err == nil || !strings.Contains(err.Error(), "exited with code 7") {
		t.Errorf("Start = %v, want exit code 7", err)
	}
	const want = "handover: descriptor 4: a stream socket that does not listen"
	if got := reason(); got != want {
		t.Errorf("Inherit = %q, want %q", got, want)
	}
}

// inheritedNone returns the exit code of a successor with the mode "count" that has no socket and
// no descriptor of Start.
func inheritedNone() int { return 10 + 20*openDescriptors() }

// TestGrandchildInheritsNothing checks that the sockets belong to the process that Start has
// started, also if that process replaces its program, but not to the children of that process.
func TestGrandchildInheritsNothing(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         int
	}{{"exec", `exec "$0"`, inheritedNone() + 1}, {"child", `"$0"; exit $?`, inheritedNone()}} {
		t.Run(tt.name, func(t *testing.T) {
			_, file := socket(t)
			p := successor(t, "count")
			p.Args = []string{"sh", "-c", tt.script, p.Path}
			p.Path = "/bin/sh"
			want := fmt.Sprintf("exited with code %d", tt.want)
			if _, err := p.Start(t.Context(), file); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Start = %v, want %q", err, want)
			}
		})
	}
}

// TestInheritFromAnother checks what a process does with the descriptors of another one: it closes
// them, and fails if the predecessor has ended. If one is a connection, the process has opened it
// itself, and closes none.
func TestInheritFromAnother(t *testing.T) {
	for _, tt := range []struct {
		name    string
		connect bool
		ends    bool
		want    int // exit code
	}{
		{"waits", false, false, inheritedNone()},
		{"has ended", false, true, 7},
		{"connection", true, true, inheritedNone() + 20*2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, file := socket(t)
			if tt.connect {
				file = connection(t)
			}
			reason := inheritError(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if tt.ends {
				r.Close()
			}
			p := successor(t, "count")
			cmd := exec.Command(p.Path)
			cmd.ExtraFiles = []*os.File{file, w}
			cmd.Env = successorEnv(os.Environ(), 1, 1)
			cmd.Run()
			w.Close()
			if code := cmd.ProcessState.ExitCode(); code != tt.want {
				t.Errorf("exit code %d, want %d", code, tt.want)
			}
			if tt.want == 7 && reason() != ErrGivenUp.Error() {
				t.Errorf("Inherit = %q, want %q", reason(), ErrGivenUp)
			}
		})
	}
}

// TestReadyGivenUp checks that a successor learns that its predecessor no longer waits.
func TestReadyGivenUp(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	in := &Inheritance{Predecessor: true, ready: w}
	if err := in.Ready(); !errors.Is(err, ErrGivenUp) {
		t.Errorf("Ready = %v, want ErrGivenUp", err)
	}
	if err := in.Ready(); err != nil {
		t.Errorf("second Ready = %v, want nil", err)
	}
}
