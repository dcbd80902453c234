//go:build linux && !ohce_portable

package cli

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDenyInKernelSurvivesUpgrade checks that the kernel drops the datagrams of a denied source
// before and after an upgrade, and after one that fails.
func TestDenyInKernelSurvivesUpgrade(t *testing.T) {
	u := servingUpgradable(t, "--deny-in-kernel", "--deny", "127.0.0.2")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	denied := dialLocal(t, "127.0.0.2", u.addrs[0])
	check := func(when string) {
		t.Helper()
		if _, err := denied.Write([]byte("denied " + when)); err != nil {
			t.Fatal(err)
		}
		echo(t, u.conn, "admitted "+when)
	}
	echo(t, u.conn, "started")
	check("before the upgrade")
	u.upgrade(syscall.SIGUSR2)
	echo(t, u.conn, "upgraded")
	check("after the upgrade")
	u.install("/bin/false")
	u.signal(syscall.SIGUSR2)
	if err := u.await("upgrade failed"); err != nil {
		t.Fatal(err)
	}
	check("after a failed upgrade")
	u.install(exe)
	u.finish()
	if text := u.stderr(); !strings.Contains(text, "received 2, answered 2, dropped 0, dropped by the kernel 1\n") ||
		!strings.Contains(text, "received 3, answered 3, dropped 0, dropped by the kernel 3\n") {
		t.Errorf("the servers printed:\n%s", text)
	}
}

// echo makes an exchange with a server that echoes.
func echo(t *testing.T, c net.Conn, text string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != text {
		t.Fatalf("response %q, %v, want %q", buf[:n], err, text)
	}
}

// TestDenyInKernelEnds kills a server with a filter and starts one without it on the same socket. The
// second server answers the source that the first one denied.
func TestDenyInKernelEnds(t *testing.T) {
	m := newManager(t)
	first := m.serve(nil, "", "--listen", "127.0.0.1:0", "--deny-in-kernel", "--deny", "127.0.0.2")
	m.expect("FDSTORE=1\nFDPOLL=0\nFDNAME=ohce")
	m.expect("READY=1")
	first.kill()
	second := m.serve(m.store, "ohce", "--listen", first.addrs[0])
	m.expect("READY=1")
	echo(t, dialLocal(t, "127.0.0.1", second.addrs[0]), "started")
	echo(t, dialLocal(t, "127.0.0.2", second.addrs[0]), "no longer denied")
	if text, err := second.stop(); err != nil || !strings.Contains(text, "received 2, answered 2") {
		t.Errorf("the server ended with %v: %s", err, text)
	}
}
