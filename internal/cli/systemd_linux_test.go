package cli

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A manager starts servers and receives their messages, as systemd does.
type manager struct {
	t     *testing.T
	conn  *net.UnixConn
	store []*os.File // the file descriptor store
}

func newManager(t *testing.T) *manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{t: t, conn: conn}
	t.Cleanup(func() {
		conn.Close()
		for _, f := range m.store {
			f.Close()
		}
	})
	conn.SetDeadline(time.Now().Add(patience))
	t.Setenv("NOTIFY_SOCKET", name)
	return m
}

// serve starts "ohce serve ARGS..." with the files as LISTEN_FDS. The shell sets LISTEN_PID,
// because it has the process ID of the server.
func (m *manager) serve(files []*os.File, names string, args ...string) *process {
	m.t.Helper()
	p := &process{cmd: exec.Command("/bin/sh", append([]string{"-c",
		`[ -z "$LISTEN_FDS" ] || export LISTEN_PID=$$; exec ohce serve --transform echo "$@"`, "sh"}, args...)...)}
	p.cmd.ExtraFiles = files
	p.cmd.Env = os.Environ()
	if len(files) > 0 {
		p.cmd.Env = append(p.cmd.Env, "LISTEN_FDS="+string(rune('0'+len(files))),
			"LISTEN_FDNAMES="+names)
	}
	if err := p.start(1); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(p.kill)
	return p
}

// expect checks the next message, except watchdog messages, and keeps its descriptors.
func (m *manager) expect(want string) {
	m.t.Helper()
	buf, oob := make([]byte, 1000), make([]byte, 1000)
	for {
		n, oobn, _, _, err := m.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			m.t.Fatalf("no message %q: %v", want, err)
		}
		got := string(buf[:n])
		if got == "WATCHDOG=1" && got != want {
			continue
		}
		if !regexp.MustCompile("^" + want + "$").MatchString(got) {
			m.t.Errorf("message %q, want %q", got, want)
		}
		messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
		if err != nil || len(messages) == 0 {
			return
		}
		fds, err := syscall.ParseUnixRights(&messages[0])
		if err != nil {
			m.t.Fatal(err)
		}
		for _, fd := range fds {
			m.store = append(m.store, os.NewFile(uintptr(fd), "stored"))
		}
		return
	}
}

// TestSystemdSocketActivation checks that a server without --listen serves the sockets that systemd
// passes, and reports its state through an upgrade to its end.
func TestSystemdSocketActivation(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "100000")
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	file, err := pc.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := connect(t, pc.LocalAddr().String())
	if _, err := c.Write([]byte("queued")); err != nil {
		t.Fatal(err)
	}
	pidFile := filepath.Join(t.TempDir(), "ohce.pid")
	p := m.serve([]*os.File{file}, "ohce", "--pid-file", pidFile)
	m.expect("READY=1")
	m.expect("WATCHDOG=1")
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "queued" {
		t.Fatalf("response %q, %v, want that to the queued request", buf[:n], err)
	}
	u := &upgradable{process: p, t: t, pidFile: pidFile}
	t.Cleanup(u.killAll)
	u.pid = u.awaitPID("")
	u.upgrade(syscall.SIGUSR2)
	m.expect(`RELOADING=1\nMONOTONIC_USEC=\d+`)
	m.expect("MAINPID=" + u.pid + "\nREADY=1")
	m.expect("WATCHDOG=1")
	if n, err := c.Write([]byte("again")); err != nil || n == 0 {
		t.Fatal(err)
	}
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "again" {
		t.Errorf("response %q, %v, want that of the successor", buf[:n], err)
	}
	u.signal(syscall.SIGTERM)
	m.expect("STOPPING=1")
	if text, err := p.wait(); err != nil || strings.Count(text, "received 1, answered 1") != 2 {
		t.Errorf("the server ended with %v: %s", err, text)
	}
	// The socket receives datagrams without a server, so that systemd starts one.
	if _, err := c.Write([]byte("between")); err != nil {
		t.Fatal(err)
	}
	m.serve([]*os.File{file}, "ohce")
	m.expect("READY=1")
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "between" {
		t.Errorf("response %q, %v, want that to the request between the servers", buf[:n], err)
	}
}

// TestSystemdStore kills a server and starts another one with the stored socket. Requests that
// arrive in between are answered.
func TestSystemdStore(t *testing.T) {
	m := newManager(t)
	p := m.serve(nil, "", "--listen", "127.0.0.1:0")
	m.expect("FDSTORE=1\nFDPOLL=0\nFDNAME=ohce")
	m.expect("READY=1")
	c := connect(t, p.addrs[0])
	p.kill()
	if _, err := c.Write([]byte("Hello")); err != nil {
		t.Fatal(err)
	}
	second := m.serve(m.store, "ohce", "--listen", p.addrs[0])
	m.expect("READY=1")
	if second.addrs[0] != p.addrs[0] {
		t.Errorf("the second server listens on %s, want %s", second.addrs[0], p.addrs[0])
	}
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "Hello" {
		t.Errorf("response %q, %v, want that to the request between the servers", buf[:n], err)
	}
	if text, err := second.stop(); err != nil || !strings.Contains(text, "received 1, answered 1") {
		t.Errorf("the server ended with %v: %s", err, text)
	}
}

// TestListenSelectsInherited checks that a server binds the addresses of --listen that it has not
// inherited, and closes the other inherited sockets.
func TestListenSelectsInherited(t *testing.T) {
	m := newManager(t)
	var files []*os.File
	var addrs []string
	for range 2 {
		pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		file, err := pc.File()
		addrs = append(addrs, pc.LocalAddr().String())
		pc.Close()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		files = append(files, file)
	}
	p := m.serve(files, "a:b", "--listen", addrs[0], "--listen", "127.0.0.2:0")
	m.expect("FDSTORE=1\nFDPOLL=0\nFDNAME=ohce")
	m.expect("READY=1")
	text, err := p.stop()
	for _, want := range []string{"Listening to 127.0.0.2:", "Listening to " + addrs[0],
		"Closing " + addrs[1] + ", which is not in --listen"} {
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("ended with %v, want %q in: %s", err, want, text)
		}
	}
}
