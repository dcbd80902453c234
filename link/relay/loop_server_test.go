package relay_test

import (
	"net"
	"net/netip"
	"testing"

	"github.com/ohce/ohce/link/relay"
)

// startEcho answers each datagram with its text until the test ends. It returns the server's socket.
func startEcho(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // ends when the socket is closed
		defer close(done)
		buf := make([]byte, 2000)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			c.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	t.Cleanup(func() { c.Close(); <-done })
	return c
}

// TestSourceIsServer sends datagrams to the relay that have the server's address as their source.
// Without the check each of them would circulate between the relay and the server.
func TestSourceIsServer(t *testing.T) {
	srv := startEcho(t, "127.0.0.1:0")
	r := start(t, &relay.Relay{To: srv.LocalAddr().String()})
	for n := range uint64(3) {
		if _, err := srv.WriteToUDPAddrPort([]byte("Hello"), r.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		r.until(t, "the datagram is dropped", func(s relay.Stats) bool { return s.Loop == n+1 })
	}
	if s := r.Stats(); s.Up.Received != 3 || s.Opened != 0 {
		t.Errorf("%d datagrams received and %d ports opened, want 3 and 0", s.Up.Received, s.Opened)
	}
}

// TestSourceIsOtherAddressOfServer is TestSourceIsServer for a server on a wildcard address, and for
// a datagram from an address of this machine that the relay does not forward to.
func TestSourceIsOtherAddressOfServer(t *testing.T) {
	srv := startEcho(t, "127.0.0.1:0")
	other, err := net.ListenUDP("udp4", &net.UDPAddr{
		IP: net.IPv4(127, 0, 0, 2), Port: srv.LocalAddr().(*net.UDPAddr).Port,
	})
	if err != nil {
		t.Skip("no second loopback address: ", err)
	}
	defer other.Close()
	r := start(t, &relay.Relay{To: srv.LocalAddr().String()})
	if _, err := other.WriteToUDPAddrPort([]byte("Hello"), r.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	r.until(t, "the datagram is dropped", func(s relay.Stats) bool { return s.Loop == 1 })
}

// TestClientWithPortOfServer checks that a client may use the server's port number if the server is
// on another machine.
func TestClientWithPortOfServer(t *testing.T) {
	c := listen(t)
	to := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), c.LocalAddr().(*net.UDPAddr).AddrPort().Port())
	r := &relay.Relay{To: to.String()}
	if err := r.Listen(t.Context()); err != nil {
		t.Skip("no route to another machine: ", err)
	}
	defer r.Close()
	if relay.FromServer(r, c.LocalAddr().(*net.UDPAddr).AddrPort()) || !relay.FromServer(r, to) {
		t.Error("only the server's own address is the server")
	}
}
