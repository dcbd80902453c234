package relay

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrLoop is the cause of the *AddrError of Listen if To leads to the relay's own address.
var ErrLoop = errors.New("the relay would forward to itself")

// A Group recognises loops among the relays that share it. A relay drops a request that it has
// forwarded before, and counts it in Stats.Loop; requests may pass several relays in a row. The
// zero value is ready for use. A Group must not be copied.
type Group struct {
	added atomic.Uint64 // number of ports that have been added; changes with mu held

	mu    sync.Mutex
	ports map[netip.AddrPort]*mapping // by local address
}

// add registers the port of a new mapping. It must be called before the mapping sends.
func (g *Group) add(m *mapping) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ports == nil {
		g.ports = make(map[netip.AddrPort]*mapping)
	}
	m.previous = g.ports[portOf(m.key.peer)]
	g.ports[portOf(m.conn.LocalAddr())] = m
	m.checked = g.added.Add(1)
}

// remove forgets the port of a mapping. It must be called before the port is closed: afterwards it
// can be the port of another mapping.
func (g *Group) remove(m *mapping) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := portOf(m.conn.LocalAddr()); g.ports[at] == m {
		delete(g.ports, at)
	}
}

// loops reports whether a datagram from peer has passed r before. m is the mapping of peer at r, or
// nil. Only the goroutine of m's listener may call it.
func (g *Group) loops(r *Relay, peer netip.AddrPort, m *mapping) bool {
	if m != nil && m.checked == g.added.Load() {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	from := g.ports[portOf(peer)]
	for p := from; p != nil; p = p.previous {
		if p.r == r {
			return true
		}
	}
	if m != nil {
		// The walk has not met m, so that the mappings still form chains.
		m.previous, m.checked = from, g.added.Load()
	}
	return false
}

// portOf returns ap in the form that is the same at both ends of a connection.
func portOf(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// ForwardsTo reports whether the datagrams that r forwards arrive at other. It is false before
// Listen has succeeded on both.
func (r *Relay) ForwardsTo(other *Relay) bool {
	server, addr := r.ServerAddr(), other.LocalAddr()
	return server.IsValid() && addr.IsValid() && reaches(server, addr)
}

// reaches reports whether a datagram that this machine sends to server arrives at a socket that is
// bound to addr.
func reaches(server, addr netip.AddrPort) bool {
	if server, addr = portOf(server), portOf(addr); server.Port() != addr.Port() {
		return false
	}
	switch to, bound := server.Addr(), addr.Addr(); {
	case to == bound:
		return true
	case !bound.IsUnspecified(), bound.Is4() && !to.Is4():
		return false
	default:
		return isLocal(to)
	}
}

// fromServer reports whether a datagram from peer can be one of the server. A server of this machine
// that is bound to every address responds from each of them.
func (r *Relay) fromServer(peer netip.AddrPort) bool {
	peer = portOf(peer)
	switch {
	case peer.Port() != r.server.Port():
		return false
	case peer.Addr() == r.server.Addr().WithZone(""):
		return true
	default:
		return r.serverIsLocal && isLocal(peer.Addr())
	}
}

// isLocal reports whether an address belongs to this machine.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	all, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(all, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().WithZone("") == addr
	})
}
