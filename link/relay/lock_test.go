package relay

import (
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/link"
)

const patience = 10 * time.Second

// serve starts a relay to a new socket, which it returns with a function that makes clients.
func serve(t *testing.T, r *Relay) (server *net.UDPConn, client func() *net.UDPConn) {
	t.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	server.SetDeadline(time.Now().Add(patience))
	r.To = server.LocalAddr().String()
	if err := r.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.Serve() }() // ends with Close
	t.Cleanup(func() {
		r.Close()
		<-served
	})
	return server, func() *net.UDPConn {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(r.LocalAddr()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(patience))
		return c
	}
}

func write(t *testing.T, c *net.UDPConn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, c *net.UDPConn, want string) netip.AddrPort {
	t.Helper()
	buf := make([]byte, 100)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != want {
		t.Fatalf("received %q, %v, want %q", buf[:n], err, want)
	}
	return from
}

// TestSlowOpen lets the socket of a second client take long to open. Meanwhile responses to the
// first one pass and the relay can be changed; afterwards the second client has one mapping.
func TestSlowOpen(t *testing.T) {
	var slow atomic.Bool
	opening, release := make(chan struct{}), make(chan struct{})
	r := &Relay{connect: func(server netip.AddrPort) (udp.Socket, error) {
		if slow.Load() {
			opening <- struct{}{}
			<-release
		}
		return connect(server)
	}}
	server, client := serve(t, r)
	first, second := client(), client()
	write(t, first, "one")
	mapped := read(t, server, "one")

	slow.Store(true)
	write(t, second, "two")
	write(t, second, "three")
	<-opening
	done := make(chan Stats, 1)
	go func() {
		r.Change(func(_, down *link.Impairment) error { down.MTU = 1500; return nil })
		done <- r.Stats()
	}()
	select {
	case s := <-done:
		if s.Opened != 1 {
			t.Errorf("%d mappings opened, want 1", s.Opened)
		}
	case <-time.After(patience):
		t.Error("Change and Stats wait for a socket")
	}
	if !t.Failed() {
		if _, err := server.WriteToUDPAddrPort([]byte("ENO"), mapped); err != nil {
			t.Fatal(err)
		}
		read(t, first, "ENO")
	}

	close(release)
	if a, b := read(t, server, "two"), read(t, server, "three"); a != b {
		t.Errorf("one client sends from %v and %v", a, b)
	}
	if s := r.Stats(); s.Opened != 2 || s.Mappings != 2 {
		t.Errorf("stats %+v, want 2 mappings", s)
	}
}

// TestCloseWhileOpening closes a relay while it opens a socket.
func TestCloseWhileOpening(t *testing.T) {
	opening, release := make(chan struct{}), make(chan struct{})
	opened := make(chan closingConn, 1)
	r := &Relay{connect: func(server netip.AddrPort) (udp.Socket, error) {
		opening <- struct{}{}
		<-release
		socket, err := connect(server)
		c := closingConn{socket, make(chan struct{}, 2)}
		opened <- c
		return c, err
	}}
	_, client := serve(t, r)
	write(t, client(), "one")
	<-opening
	closed := make(chan struct{})
	go func() {
		r.Close()
		close(closed)
	}()
	<-r.delays.closed
	close(release)
	c := <-opened
	select {
	case <-c.closing:
	case <-time.After(patience):
		t.Error("the socket is not closed")
		c.Close() // otherwise r.Close does not return
	}
	<-closed
	if s := r.Stats(); s.Opened != 0 || s.NoMapping != 1 {
		t.Errorf("stats %+v, want no mapping", s)
	}
}

// A closingConn reports when it is closed.
type closingConn struct {
	udp.Socket
	closing chan struct{}
}

func (c closingConn) Close() error {
	c.closing <- struct{}{}
	return c.Socket.Close()
}

// TestNoSystemCallsWithLock checks that the counters of sockets are read, and sockets are closed,
// without the lock of the data path.
func TestNoSystemCallsWithLock(t *testing.T) {
	r := &Relay{}
	r.connect = func(server netip.AddrPort) (udp.Socket, error) {
		c, err := connect(server)
		return conn{c, r, func(method string) { t.Errorf("%s is called with the lock held", method) }}, err
	}
	server, client := serve(t, r)
	for range 3 {
		write(t, client(), "x")
		read(t, server, "x")
	}
	r.Stats()
	r.ExpireAll()
	if s := r.Stats(); s.Opened != 3 || s.Expired != 3 || s.Mappings != 0 {
		t.Errorf("stats %+v, want 3 expired mappings", s)
	}
	write(t, client(), "x")
	read(t, server, "x")
	r.Close()
}
