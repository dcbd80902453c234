package handover

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A manager receives messages as systemd does.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T) *manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(testTimeout))
	t.Setenv("NOTIFY_SOCKET", name)
	return &manager{t, conn}
}

// receive returns the next message and its descriptors.
func (m *manager) receive() (string, []int) {
	m.t.Helper()
	buf, oob := make([]byte, 1000), make([]byte, 1000)
	n, oobn, _, _, err := m.conn.ReadMsgUnix(buf, oob)
	if err != nil {
		m.t.Fatal(err)
	}
	var fds []int
	if messages, err := syscall.ParseSocketControlMessage(oob[:oobn]); err == nil && len(messages) > 0 {
		if fds, err = syscall.ParseUnixRights(&messages[0]); err != nil {
			m.t.Fatal(err)
		}
	}
	return string(buf[:n]), fds
}

// expect checks the next message. A "*" at the end of want matches any text.
func (m *manager) expect(want string) {
	m.t.Helper()
	got, _ := m.receive()
	if stem, any := strings.CutSuffix(want, "*"); got != want && !(any && strings.HasPrefix(got, stem)) {
		m.t.Errorf("message %q, want %q", got, want)
	}
}

func TestNotify(t *testing.T) {
	m := newManager(t)
	if err := (&Inheritance{}).Ready(); err != nil {
		t.Fatal(err)
	}
	m.expect("READY=1")
	if err := Notify("STOPPING=1", "STATUS=done"); err != nil {
		t.Fatal(err)
	}
	m.expect("STOPPING=1\nSTATUS=done")
	os.Unsetenv("NOTIFY_SOCKET")
	if err := Notify("READY=1"); err != nil {
		t.Errorf("Notify without a manager = %v, want nil", err)
	}
	t.Setenv("NOTIFY_SOCKET", "vsock:2:1234")
	if Notify("READY=1") == nil {
		t.Error("Notify accepts a socket that it does not support")
	}
}

// TestStore checks that the manager receives the socket itself.
func TestStore(t *testing.T) {
	m := newManager(t)
	conn, file := socket(t)
	if err := Store("ohce", file); err != nil {
		t.Fatal(err)
	}
	message, fds := m.receive()
	if message != "FDSTORE=1\nFDPOLL=0\nFDNAME=ohce" || len(fds) != 1 {
		t.Fatalf("message %q with %d descriptors", message, len(fds))
	}
	var in Inheritance
	if err := in.add(fds[0], "ohce"); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if s := in.Sockets[0]; s.Addr.String() != conn.LocalAddr().String() {
		t.Errorf("stored the socket %v, want %v", s.Addr, conn.LocalAddr())
	}
}

// TestStartNotifies checks the messages of upgrades that succeed and fail.
func TestStartNotifies(t *testing.T) {
	m := newManager(t)
	conn, file := socket(t)
	pid, err := successor(t, "serve").Start(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	m.expect("RELOADING=1\nMONOTONIC_USEC=*")
	m.expect("MAINPID=" + strconv.Itoa(pid) + "\nREADY=1")
	c, err := net.Dial("udp", conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(testTimeout))
	c.Write([]byte("end")) // the successor exits after one response
	if _, err := c.Read(make([]byte, 100)); err != nil {
		t.Error(err)
	}
	if _, err := successor(t, "exit").Start(t.Context()); err == nil {
		t.Error("Start succeeded, want an error")
	}
	m.expect("RELOADING=1*")
	m.expect("READY=1")
}

func TestWatchdog(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- Watchdog(ctx, nil) }()
	for range 3 {
		m.expect("WATCHDOG=1")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
