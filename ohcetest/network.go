// Package ohcetest provides utilities for testing UDP clients and servers, as net/http/httptest
// does for HTTP.
//
// A [Server] is a real server on a loopback port, started by [NewServer] or [StartServer]. A
// [Network] is an in-memory network for tests that run in a testing/synctest bubble, where an hour
// of waiting takes no real time. A [Peer] is a scripted server on a Network: it can lose, delay,
// duplicate or forge responses.
//
// # Time
//
// A Network uses the clock of the bubble. It starts no goroutine that outlives the last datagram,
// so it does not prevent the bubble from ending. An open client or server does prevent it:
//
//   - Close an ohce.Client before the bubble ends. It keeps sockets open for its Linger.
//   - Shut down an ohce.Server before the bubble ends. On a socket of a Network, the shutdown takes
//     50 ms of the bubble's time.
//
// # Concurrency
//
// Multiple goroutines may call methods on a Network, Conn, Peer or Server simultaneously.
//
// # Limitations
//
// A Network has no interfaces, routes or host names: a socket can have any IP address. Datagrams
// have no headers, so there is no MTU and no TTL.
//
// A socket bound to an unspecified address receives a datagram for any address on its port, unless
// another socket is bound to that very address. Unlike in a real network, the datagrams that it
// sends have the unspecified address as their source, and connected sockets filter them.
//
// If a datagram arrives exactly at a read deadline, the read may return either the datagram or the
// deadline error.
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

// firstPort is the first of the dynamic ports (RFC 6335, section 6). The Network assigns them to
// sockets that are bound to port 0.
const firstPort = 49152

// A Datagram is a UDP payload with its source and destination addresses.
type Datagram struct {
	From, To netip.AddrPort
	Data     []byte
}

// A Network carries datagrams in memory. The zero value is ready to use: it delivers each datagram
// once and without delay. The exported fields must not be changed while the Network is in use.
type Network struct {
	// Link, if non-nil, simulates a bad network. The Network calls Link with each datagram that is
	// sent, and delivers the arrivals that Link returns. To lose a datagram, Link returns nil. To
	// duplicate it, Link returns two arrivals. Link may also change the addresses and the data.
	// Arrivals with equal times are delivered in the order in which they were sent. Link is called
	// by one goroutine at a time. It must not call methods of the Network. See [Impair] for a Link
	// that applies a model of package link.
	Link func(Datagram) []Arrival

	mu      sync.Mutex
	bound   map[netip.AddrPort]receiver
	next    uint16 // the last port assigned to a socket
	serial  uint64 // of the last arrival
	pending arrivals
	timer   *time.Timer
	stats   NetworkStats

	delivering bool // a goroutine is in deliver
}

// An Arrival is a datagram that will arrive.
type Arrival struct {
	// After is the time from sending the datagram to its arrival. If zero or negative, the datagram
	// arrives immediately.
	After time.Duration
	Datagram
}

// NetworkStats counts datagrams. If Link returns at most one arrival for each datagram, Sent is the
// sum of the other counters and of the datagrams in transit.
type NetworkStats struct {
	// Sent counts datagrams sent by sockets and peers or with Inject.
	Sent uint64
	// Delivered counts arrivals at a socket or peer.
	Delivered uint64
	// Lost counts datagrams for which Link returned no arrival.
	Lost uint64
	// Unreachable counts arrivals at an address to which no socket or peer was bound.
	Unreachable uint64
	// Overflow counts arrivals at a socket with a full queue. Filtered counts arrivals at a socket
	// that is connected to an address other than the sender's.
	Overflow, Filtered uint64
}

// An outcome is the result of delivering one arrival.
type outcome int

const (
	delivered outcome = iota
	unreachable
	overflow
	filtered
)

// A receiver can be bound to an address: a Conn or a Peer.
type receiver interface {
	// bound sets the receiver's address. The Network calls it with Network.mu held, before the
	// first datagram can arrive.
	bound(addr netip.AddrPort)
	// receive accepts or drops a datagram and reports which. Network.mu is not held.
	receive(d Datagram) outcome
	// unreachable reports that a datagram from this receiver arrived at an address to which
	// no receiver is bound. Network.mu is not held.
	unreachable(to netip.AddrPort)
}

// Stats returns the current counts.
func (n *Network) Stats() NetworkStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.stats
}

// ListenPacket returns a [Conn] bound to addr, which has the form "ip:port". If the port is 0, the
// Network assigns a free one. If the IP address is empty, the socket receives datagrams for every
// IPv4 and IPv6 address. ListenPacket fails if the address is already in use.
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

// Dial returns a [Conn] connected to address, which has the form "ip:port". The argument network is
// ignored. Dial can be the Dial field of an ohce.Client. It fails if ctx is done.
//
// The socket is bound to a free port of 192.0.2.1 or 2001:db8::1, which are addresses for
// documentation (RFC 5737, RFC 3849). If one of its datagrams arrives at address while no socket or
// peer is bound there, its next Read or Write fails with ohce.ErrPortUnreachable.
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

// DialFrom is like Dial, but the socket is bound to local. If the port of local is 0, the Network
// assigns a free one. DialFrom fails if local is already in use.
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

// Inject sends d, as if from the address d.From, which need not be bound. Link applies to it.
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

// unmap converts an IPv4-mapped IPv6 address to IPv4. Package net returns IPv4 addresses in either
// form.
func unmap(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// bind binds r to addr. If the port of addr is 0, bind assigns a free one.
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
		return fmt.Errorf("ohcetest: address %v already in use", addr)
	}
	r.bound(addr)
	n.bound[addr] = r
	return nil
}

// freePort assigns the dynamic ports in turn, so that a port that has just been closed is reused
// last. It is called with mu held.
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
	return netip.AddrPort{}, errors.New("ohcetest: no free port")
}

// unbind makes addr free if r is still bound to it.
func (n *Network) unbind(addr netip.AddrPort, r receiver) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.bound[addr] == r {
		delete(n.bound, addr)
	}
}
