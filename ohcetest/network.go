// Package ohcetest helps to test what speaks over datagrams, as net/http/httptest does for HTTP.
//
// [NewServer] starts a real server on a loopback port. [Network] is a network in memory for tests in
// testing/synctest, where hours pass in no time and every run is the same; [Peer] is a server on it
// that misbehaves as a script says.
//
// # Time
//
// A Network measures time with the clock of the bubble that it is used in. Everything that it starts
// ends with its last datagram, so a bubble can end too. What is not the Network's must be ended first:
// an ohce.Client keeps its sockets for its Linger, so Close it; a server that serves on a socket of a
// Network takes 50 ms of the bubble's time to shut down.
//
// # Concurrency
//
// All methods may be called from several goroutines.
//
// # Limits
//
// Addresses are any IP addresses; there are no interfaces, routes or names. Datagrams have no
// headers, so neither MTU nor TTL exist. A socket bound to an unspecified address receives what nobody
// else is bound to on that port, for any address; what it sends comes from the unspecified address
// itself, which a socket connected to another one filters. Whether a datagram that arrives at the very
// instant of a deadline is read before it is left to chance.
package ohcetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// firstPort is where ports that nobody chose begin, as IANA has it (RFC 6335, section 6).
const firstPort = 49152

// A Datagram is one datagram on its way.
type Datagram struct {
	From, To netip.AddrPort
	Data     []byte
}

// A Network carries datagrams in memory. Its zero value loses nothing and takes no time. The exported
// fields must not be changed while it is in use.
type Network struct {
	// Link decides what becomes of each datagram sent by a socket or a Peer: it returns what arrives
	// and after how long, in any number and changed at will. nil delivers each once and at once. It is
	// called from one goroutine at a time and must not call the Network. Datagrams that arrive at the
	// same instant arrive in the order in which they were sent.
	Link func(Datagram) []Arrival

	mu      sync.Mutex
	bound   map[netip.AddrPort]receiver
	next    uint16 // the last port given to a socket that chose none
	serial  uint64
	pending arrivals
	timer   *time.Timer
	stats   NetworkStats

	delivering bool // a goroutine is in deliver
}

// An Arrival is a datagram that arrives some time after it was sent; negative times are none.
type Arrival struct {
	After time.Duration
	Datagram
}

// NetworkStats counts datagrams. Sent = Delivered + Lost + Unreachable + Overflow + Filtered + those
// on their way, where Link neither multiplies nor adds any.
type NetworkStats struct {
	// Sent counts what sockets and peers sent, and what was injected.
	Sent uint64
	// Delivered counts what reached a socket or peer.
	Delivered uint64
	// Lost counts the datagrams for which Link returned nothing.
	Lost uint64
	// Unreachable counts arrivals where nobody listened.
	Unreachable uint64
	// Overflow counts arrivals at a socket whose queue was full; Filtered, those at a socket that is
	// connected to somebody else.
	Overflow, Filtered uint64
}

// An outcome is what became of an arrival.
type outcome int

const (
	delivered outcome = iota
	unreachable
	overflow
	filtered
)

// A receiver is bound to an address.
type receiver interface {
	// bound tells the address, before anything can arrive. Network.mu is held.
	bound(addr netip.AddrPort)
	// receive takes a datagram and says what became of it. Network.mu is not held.
	receive(d Datagram) outcome
	// unreachable tells a sender that nobody listens at to. Network.mu is not held.
	unreachable(to netip.AddrPort)
}

// Stats returns the counts so far.
func (n *Network) Stats() NetworkStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// ListenPacket binds a socket to "ip:port"; port 0 is a free port, an empty host every IPv6 address.
func (n *Network) ListenPacket(addr string) (net.PacketConn, error) {
	ap, err := parse(addr)
	if err != nil {
		return nil, err
	}
	c := newConn(n, netip.AddrPort{})
	if err := n.bind(ap, c); err != nil {
		return nil, err
	}
	return c, nil
}

// Dial opens a socket on a free port, connected to address, "ip:port"; its signature is that of
// ohce.Client.Dial. Its own address is 192.0.2.1 or 2001:db8::1, those of documentation (RFC 5737,
// RFC 3849). A Read or Write fails with ohce.ErrPortUnreachable after a datagram went to an address
// where nobody listens.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	remote, err := parse(address)
	if err != nil {
		return nil, err
	}
	local := netip.AddrFrom4([4]byte{192, 0, 2, 1})
	if remote.Addr().Is6() {
		local = netip.MustParseAddr("2001:db8::1")
	}
	return n.connect(netip.AddrPortFrom(local, 0), remote)
}

// DialFrom is Dial from a chosen address, whose port 0 is a free port.
func (n *Network) DialFrom(local netip.AddrPort, address string) (net.Conn, error) {
	remote, err := parse(address)
	if err != nil {
		return nil, err
	}
	return n.connect(unmap(local), remote)
}

func (n *Network) connect(local, remote netip.AddrPort) (net.Conn, error) {
	c := newConn(n, remote)
	if err := n.bind(local, c); err != nil {
		return nil, err
	}
	return c, nil
}

// Inject sends a datagram from any address, bound or not: a forgery. It passes Link.
func (n *Network) Inject(d Datagram) { n.send(d) }

func parse(addr string) (netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if host == "" {
		host = "::"
	}
	ap, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	return unmap(ap), err
}

// plain is the address itself where it is an IPv4 one mapped into IPv6, as package net likes to have
// them.
func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// bind gives addr to r, with a free port where it has none.
func (n *Network) bind(addr netip.AddrPort, r receiver) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bound == nil {
		n.bound = make(map[netip.AddrPort]receiver)
	}
	if addr.Port() == 0 {
		free, err := n.freePort(addr.Addr())
		if err != nil {
			return err
		}
		addr = free
	}
	if _, taken := n.bound[addr]; taken {
		return fmt.Errorf("ohcetest: address %v is taken", addr)
	}
	r.bound(addr)
	n.bound[addr] = r
	return nil
}

// freePort goes round the ports, so that one just closed comes back last. It is called with mu held.
func (n *Network) freePort(ip netip.Addr) (netip.AddrPort, error) {
	for range 1<<16 - firstPort {
		if n.next++; n.next < firstPort {
			n.next = firstPort
		}
		addr := netip.AddrPortFrom(ip, n.next)
		if _, taken := n.bound[addr]; !taken {
			return addr, nil
		}
	}
	return netip.AddrPort{}, errors.New("ohcetest: no free port left")
}

// unbind frees addr if it is r's still.
func (n *Network) unbind(addr netip.AddrPort, r receiver) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bound[addr] == r {
		delete(n.bound, addr)
	}
}
