//go:build priv && linux

package batch

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Needs root and ip(8): go test -tags priv -run Priv ./internal/batch

// TestPrivAnswersFromTheAddressAsked serves a wildcard in one network namespace and asks it from
// another, at an IPv4, an IPv6 and a link-local address, each over a real (virtual) wire.
func TestPrivAnswersFromTheAddressAsked(t *testing.T) {
	server, client := twoNamespaces(t)
	bound, ended := make(chan netip.AddrPort), make(chan struct{})
	go func() {
		defer close(ended)
		within(t, server, func() error { return serveWildcard(t, bound) })
	}()
	t.Cleanup(func() { <-ended }) // after the sockets are closed
	serving, ok := <-bound
	if !ok {
		t.FailNow()
	}
	asks := []struct{ name, to, local string }{
		{"IPv4", "192.0.2.1", "192.0.2.1"},
		{"the other IPv4", "192.0.2.3", "192.0.2.3"},
		{"IPv6", "2001:db8::1", "2001:db8::1"},
		{"link-local", "fe80::1%ohce1", "fe80::1 ohce0"},
		{"link-local, zone by number", "fe80::1%NUMBER", "fe80::1 ohce0"},
	}
	for _, tt := range asks {
		t.Run(tt.name, func(t *testing.T) {
			within(t, client, func() error {
				ifc, err := net.InterfaceByName("ohce1")
				if err != nil {
					return err
				}
				to := netip.MustParseAddr(strings.Replace(tt.to, "NUMBER", fmt.Sprint(ifc.Index), 1))
				return ask(netip.AddrPortFrom(to, serving.Port()), tt.local)
			})
		})
	}
}

// serveWildcard tells each client, until Close, which address it asked and whether through an
// interface. It sends where it serves, and closes bound if it cannot.
func serveWildcard(t *testing.T, bound chan<- netip.AddrPort) error {
	defer close(bound) // where nothing was sent, that is the word
	conns, at, err := Listen(context.Background(), "[::]:0", 1)
	if err != nil {
		return err
	}
	for _, c := range conns[1:] { // the portable path has more than one
		bounded(t, c)
		go serveOne(c) // an error shows as an answer that does not come
	}
	bounded(t, conns[0])
	bound <- at
	return serveOne(conns[0])
}

// serveOne ends when the test does, which closes c.
func serveOne(c Conn) error {
	ms := slots(4, 64)
	for {
		n, err := c.Read(ms)
		if err != nil {
			return nil
		}
		for i := range ms[:n] {
			ms[i].Buf = fmt.Append(ms[i].Buf[:0], told(c, ms[i]))
		}
		if _, err := c.Write(ms[:n]); err != nil {
			return fmt.Errorf("answering %v from %v: %w", ms[0].Peer, ms[0].Local, err)
		}
	}
}

// told is the local address of a message with the interface's name where there is one.
func told(c Conn, m Message) string {
	local := m.Local
	if !local.IsValid() {
		local = c.LocalAddr().Addr() // the portable path
	}
	if m.IfIndex == 0 {
		return strings.Replace(local.String(), "%", " ", 1)
	}
	ifc, err := net.InterfaceByIndex(int(m.IfIndex))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(local, " ", ifc.Name)
}

// ask sends from a socket that takes answers from anywhere, and looks where this one comes from.
func ask(to netip.AddrPort, want string) error {
	pc, err := net.ListenPacket("udp", ":0")
	if err != nil {
		return err
	}
	defer pc.Close()
	c := pc.(*net.UDPConn)
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.WriteToUDPAddrPort([]byte("who?"), to); err != nil {
		return err
	}
	buf := make([]byte, 64)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		return fmt.Errorf("no answer from %v: %w", to, err)
	}
	if got := string(buf[:n]); got != want {
		return fmt.Errorf("asked at %v, the server was told %q, want %q", to, got, want)
	}
	if from.Addr().Unmap().WithZone("") != to.Addr().WithZone("") || from.Port() != to.Port() {
		return fmt.Errorf("asked %v, the answer came from %v", to, from)
	}
	return nil
}

// twoNamespaces makes two namespaces with a wire between them, ohce0 and ohce1. They are removed at
// the end of the test, however it ends.
func twoNamespaces(t *testing.T) (server, client string) {
	t.Helper()
	asRoot(t)
	server, client = fmt.Sprintf("ohce-s-%d", os.Getpid()), fmt.Sprintf("ohce-c-%d", os.Getpid())
	for _, ns := range []string{server, client} {
		ip(t, "netns", "add", ns)
		t.Cleanup(func() { exec.Command("ip", "netns", "del", ns).Run() })
	}
	ip(t, "link", "add", "ohce0", "netns", server, "type", "veth", "peer", "name", "ohce1", "netns",
		client)
	// Link-local addresses are given, not made, so that no check for duplicates holds them back.
	for _, a := range []struct{ ns, dev, addrs string }{
		{server, "ohce0", "192.0.2.1/24 192.0.2.3/24 2001:db8::1/64 fe80::1/64"},
		{client, "ohce1", "192.0.2.2/24 2001:db8::2/64 fe80::2/64"},
	} {
		ip(t, "-n", a.ns, "link", "set", a.dev, "addrgenmode", "none")
		ip(t, "-n", a.ns, "link", "set", "lo", "up")
		ip(t, "-n", a.ns, "link", "set", a.dev, "up")
		for addr := range strings.FieldsSeq(a.addrs) {
			args := []string{"-n", a.ns, "addr", "add", addr, "dev", a.dev}
			if strings.Contains(addr, ":") {
				args = append(args, "nodad")
			}
			ip(t, args...)
		}
	}
	return server, client
}

// asRoot skips a test where it cannot run, but not in CI.
func asRoot(t *testing.T) {
	t.Helper()
	switch {
	case os.Getuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatal("CI must run this as root")
	default:
		t.Skip("needs root")
	}
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// within runs f in a namespace.
func within(t *testing.T, ns string, f func() error) {
	apart(t, func() error {
		if err := enter(ns); err != nil {
			return err
		}
		return f()
	})
}

// apart runs f on a thread of its own. It is never unlocked, so it ends with the goroutine, and
// nothing else runs there.
func apart(t *testing.T, f func() error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err := f(); err != nil {
			t.Error(err)
		}
	}()
	<-done
}

func enter(ns string) error {
	f, err := os.Open(filepath.Join("/run/netns", ns))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return os.NewSyscallError("setns", err)
	}
	return nil
}

// TestPrivCapped listens without the right to exceed the system's limits.
func TestPrivCapped(t *testing.T) {
	asRoot(t)
	var capped string
	apart(t, func() error {
		if err := withoutNetAdmin(); err != nil {
			return err
		}
		conns, _, err := Listen(context.Background(), "127.0.0.1:0", 1)
		if err != nil {
			return err
		}
		defer closeAll(conns)
		capped = conns[0].Capped()
		return nil
	})
	text, err := os.ReadFile("/proc/sys/net/core/rmem_max")
	if err != nil {
		t.Fatal(err)
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if limit >= socketBuffer {
		t.Skipf("the system's limit is %d, which is enough", limit)
	}
	want := fmt.Sprintf("the receive buffer has %d bytes instead of 4194304; to change that: "+
		"sysctl -w net.core.rmem_max=4194304", limit)
	if capped != want {
		t.Errorf("Capped is %q, want %q", capped, want)
	}
}

// withoutNetAdmin takes CAP_NET_ADMIN from this thread.
func withoutNetAdmin() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return err
	}
	data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	return unix.Capset(&head, &data[0])
}
