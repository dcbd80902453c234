package udp

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"
)

// testTimeout limits every wait in these tests. Only a failing test waits that long.
const testTimeout = 10 * time.Second

var (
	ip4 = netip.MustParseAddr("127.0.0.1")
	ip6 = netip.IPv6Loopback()
)

// A socket is a row of the test matrix: a way to open sockets, and the addresses that they serve.
type socket struct {
	name  string
	open  func(t *testing.T) ([]Socket, netip.AddrPort)
	addrs []netip.Addr
}

// matrix returns IPv4, IPv6 and dual-stack sockets, bound to an address and to a wildcard.
func matrix() []socket {
	return []socket{
		{"udp4 bound", listenOn("127.0.0.1:0"), []netip.Addr{ip4}},
		{"udp4 wildcard", listenOn("0.0.0.0:0"), loopback4()},
		{"udp6 bound", listenOn("[::1]:0"), []netip.Addr{ip6}},
		{"udp6 wildcard", newOn("udp6", "[::]:0"), []netip.Addr{ip6}},
		{"dual bound", dualBound, []netip.Addr{ip4}},
		{"dual wildcard", listenOn("[::]:0"), append(loopback4(), ip6)},
		{"dual empty host", listenOn(":0"), append(loopback4(), ip6)},
	}
}

// loopback4 returns IPv4 loopback addresses that a wildcard socket serves.
func loopback4() []netip.Addr {
	if !servesLoopbackNet {
		return []netip.Addr{ip4}
	}
	return []netip.Addr{ip4, netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")}
}

// forEachSocket runs f for each row of the matrix.
func forEachSocket(t *testing.T, f func(t *testing.T, s socket)) {
	for _, s := range matrix() {
		t.Run(s.name, func(t *testing.T) { f(t, s) })
	}
}

// forEachAddress runs f for each row of the matrix and each of its addresses, with the socket that
// serves the address.
func forEachAddress(t *testing.T, f func(t *testing.T, c Socket, to netip.AddrPort)) {
	forEachSocket(t, func(t *testing.T, s socket) {
		for _, ip := range s.addrs {
			t.Run(ip.String(), func(t *testing.T) {
				conns, bound := s.open(t)
				to := netip.AddrPortFrom(ip, bound.Port())
				f(t, serving(t, conns, to), to)
			})
		}
	})
}

// serving returns the socket that serves to: the only one, or the one bound to it.
func serving(t *testing.T, conns []Socket, to netip.AddrPort) Socket {
	t.Helper()
	for _, c := range conns {
		if len(conns) == 1 || c.LocalAddr() == to {
			return c
		}
	}
	t.Fatalf("none of the %d sockets serves %v", len(conns), to)
	return nil
}

func listenOn(addr string) func(t *testing.T) ([]Socket, netip.AddrPort) {
	return func(t *testing.T) ([]Socket, netip.AddrPort) {
		t.Helper()
		if addr[0] != '1' && addr[0] != '0' {
			needIPv6(t)
		}
		conns, bound, err := Listen(context.Background(), addr, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range conns {
			closeInTime(t, c)
		}
		return conns, bound
	}
}

// newOn returns a function that opens a socket with package net and passes it to New.
func newOn(network, addr string) func(t *testing.T) ([]Socket, netip.AddrPort) {
	return func(t *testing.T) ([]Socket, netip.AddrPort) {
		t.Helper()
		if network == "udp6" {
			needIPv6(t)
		}
		pc, err := net.ListenPacket(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		c := newConn(t, pc)
		return []Socket{c}, c.LocalAddr()
	}
}

func newConn(t *testing.T, pc net.PacketConn) Socket {
	t.Helper()
	c, err := New(pc)
	if err != nil {
		pc.Close()
		t.Fatal(err)
	}
	closeInTime(t, c)
	return c
}

// open4 opens a socket on 127.0.0.1, for tests that do not depend on addresses.
func open4(t *testing.T) Socket {
	t.Helper()
	conns, _ := listenOn("127.0.0.1:0")(t)
	return conns[0]
}

// closeInTime closes c at the end of the test or after testTimeout, so that no Read blocks forever.
func closeInTime(t *testing.T, c Socket) {
	timeout := time.AfterFunc(testTimeout, func() { c.Close() })
	t.Cleanup(func() {
		timeout.Stop()
		c.Close()
	})
}

// client returns a socket connected to an address. The kernel filters datagrams from others.
func client(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(testTimeout))
	// Room for the longest datagrams (macOS) and for a few hundred small ones (everywhere).
	c.SetReadBuffer(1 << 20)
	c.SetWriteBuffer(1 << 20)
	return c
}

// localAddr returns the local address of a client.
func localAddr(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func send(t *testing.T, c *net.UDPConn, data string) {
	t.Helper()
	if _, err := c.Write([]byte(data)); err != nil {
		t.Fatalf("sending %d bytes: %v", len(data), err)
	}
}

func sendNumbers(t *testing.T, c *net.UDPConn, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		send(t, c, strconv.Itoa(i))
	}
}

func receive(t *testing.T, c *net.UDPConn) string {
	t.Helper()
	buf := make([]byte, 1<<16)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatalf("receiving: %v", err)
	}
	return string(buf[:n])
}

// makeMessages returns n messages with buffers of size bytes.
func makeMessages(n, size int) []Message {
	ms := make([]Message, n)
	for i := range ms {
		ms[i].Buf = make([]byte, size)
	}
	return ms
}

// readN reads n messages and returns their contents.
func readN(t *testing.T, c Socket, n int) []string {
	t.Helper()
	ms := makeMessages(max(n, 1), 1<<16)
	var got []string
	for len(got) < n {
		k, err := c.Read(ms[:n-len(got)])
		if err != nil {
			t.Fatalf("Read after %d of %d datagrams: %v", len(got), n, err)
		}
		got = appendContents(got, ms[:k])
	}
	return got
}

// readUntilError reads until Read fails, and returns the contents of the messages and the error.
func readUntilError(c Socket) ([]string, error) {
	ms := makeMessages(16, 1<<16)
	var got []string
	for {
		k, err := c.Read(ms)
		if err != nil {
			return got, err
		}
		got = appendContents(got, ms[:k])
	}
}

func appendContents(dst []string, ms []Message) []string {
	for _, m := range ms {
		dst = append(dst, string(m.Buf))
	}
	return dst
}

// numbers returns the datagrams that sendNumbers sends.
func numbers(from, to int) []string {
	var s []string
	for i := from; i < to; i++ {
		s = append(s, strconv.Itoa(i))
	}
	return s
}

// needIPv6 skips the test if the machine has no IPv6. In CI, which must have it, it fails the test.
func needIPv6(t *testing.T) {
	t.Helper()
	pc, err := net.ListenPacket("udp6", "[::1]:0")
	switch {
	case err == nil:
		pc.Close()
	case os.Getenv("CI") != "":
		t.Fatalf("CI must have IPv6: %v", err)
	default:
		t.Skipf("this machine has no IPv6: %v", err)
	}
}
