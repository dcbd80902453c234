package relay

import (
	"net/netip"

	"github.com/ohce/ohce/internal/udp"
)

// Overhead is the memory in bytes that a delayed datagram takes besides its data.
const Overhead = overhead

// OnProgress makes the relay call f after each step of its loops. It must be called before Listen.
func (r *Relay) OnProgress(f func()) { r.onProgress = f }

// ExpireAll closes all mappings for which no datagram is delayed, as if they were idle.
func (r *Relay) ExpireAll() { r.expire(1 << 62) }

// HideHopLimits makes the relay neither read nor set hop limits, as on a platform without them. It
// must be called before Listen.
func (r *Relay) HideHopLimits() {
	r.connect = func(server netip.AddrPort) (udp.Socket, error) {
		s, err := connect(server)
		return struct{ udp.Socket }{s}, err
	}
}

// A conn is a socket whose slow methods check that the relay's lock is free.
type conn struct {
	udp.Socket
	r    *Relay
	held func(method string)
}

func (c conn) check(method string) {
	if !c.r.mu.TryLock() {
		c.held(method)
		return
	}
	c.r.mu.Unlock()
}

func (c conn) KernelDropped() uint64 {
	c.check("KernelDropped")
	return c.Socket.KernelDropped()
}

func (c conn) Close() error {
	c.check("Close")
	return c.Socket.Close()
}

// FromServer reports whether the relay takes a datagram from peer for one of the server.
func FromServer(r *Relay, peer netip.AddrPort) bool { return r.fromServer(peer) }
