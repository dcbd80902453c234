package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"
)

// After Drain, the queue of a portable socket counts as empty when drainRounds consecutive reads
// have each waited for drainWait without a datagram. There is no portable read that does not wait.
// On a busy machine, a single deadline can expire before the read looks at the queue.
const (
	drainWait   = 25 * time.Millisecond
	drainRounds = 2
)

// An addrPortConn has methods of *net.UDPConn that do not allocate addresses.
type addrPortConn interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error)
}

// A packetConn is a Socket on any net.PacketConn. It reads and writes one datagram at a time.
type packetConn struct {
	pc         net.PacketConn
	fast       addrPortConn // pc, or nil if pc lacks the methods
	local      netip.AddrPort
	fixedLocal netip.Addr // Local of all datagrams; the zero Addr if bound to a wildcard address
	drain      atomic.Bool
	released   atomic.Bool
	emptyReads int        // consecutive reads without a datagram since Drain; used by Read only
	drainLimit drainLimit // used by Read only
}

func newPacketConn(pc net.PacketConn) (Socket, error) {
	local, err := addrPort(pc.LocalAddr())
	if err != nil {
		return nil, err
	}
	fast, _ := pc.(addrPortConn)
	c := &packetConn{pc: pc, fast: fast, local: local}
	if !local.Addr().IsUnspecified() {
		c.fixedLocal = local.Addr()
	}
	return c, nil
}

func (c *packetConn) Width() int                { return 1 }
func (c *packetConn) LocalAddr() netip.AddrPort { return c.local }
func (c *packetConn) KernelDropped() uint64     { return 0 }
func (c *packetConn) Close() error              { return c.pc.Close() }
func (c *packetConn) MaxSegments(int) int       { return 1 }
func (c *packetConn) MinReadBuffer() int        { return 0 }
func (c *packetConn) BusyPoll(time.Duration)    {}
func (c *packetConn) BufferWarning() string     { return "" }

// DenySources returns an error unless prefixes is empty, because there is no filter to attach.
func (c *packetConn) DenySources(prefixes []netip.Prefix) error {
	if len(prefixes) == 0 {
		return nil
	}
	return fmt.Errorf("socket filters: %w", errors.ErrUnsupported)
}

func (c *packetConn) Drain() error {
	if c.drain.Swap(true) {
		return nil
	}
	return c.pc.SetReadDeadline(time.Unix(1, 0))
}

func (c *packetConn) Release() error {
	c.released.Store(true)
	return c.pc.SetReadDeadline(time.Unix(1, 0))
}

func (c *packetConn) File() (*os.File, error) {
	pc, ok := c.pc.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return pc.File()
}

func (c *packetConn) Read(ms []Message) (int, error) {
	if len(ms) == 0 {
		return 0, nil
	}
	for !c.drainLimit.reached() && !c.released.Load() {
		err := c.readOne(&ms[0])
		draining := c.drain.Load()
		switch {
		case err == nil:
			c.emptyReads = 0
			if draining {
				c.drainLimit.count(1)
			}
			return 1, nil
		case c.released.Load() && errors.Is(err, os.ErrDeadlineExceeded):
			return 0, net.ErrClosed
		case !draining || !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		case c.emptyReads == drainRounds:
			return 0, net.ErrClosed
		}
		c.emptyReads++
		if err := c.pc.SetReadDeadline(time.Now().Add(drainWait)); err != nil {
			return 0, err
		}
	}
	return 0, net.ErrClosed
}

func (c *packetConn) ReadPooled(pool *BufferPool) ([]Message, error) {
	ms := pool.get(c.Width(), c.MinReadBuffer())
	n, err := c.Read(ms)
	if err != nil {
		pool.Put(ms)
		return nil, err
	}
	return ms[:n], nil
}

func (c *packetConn) readOne(m *Message) error {
	n, peer, err := c.readFrom(m.Buf[:cap(m.Buf)])
	cut := isMessageSize(err)
	if err != nil && !cut {
		return err
	}
	m.Buf = m.Buf[:n]
	m.Peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	m.Local, m.IfIndex, m.Segment, m.Arrived, m.Truncated = c.fixedLocal, 0, 0, 0, cut
	return nil
}

func (c *packetConn) readFrom(b []byte) (int, netip.AddrPort, error) {
	if c.fast != nil {
		return c.fast.ReadFromUDPAddrPort(b)
	}
	n, addr, err := c.pc.ReadFrom(b)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	peer, err := addrPort(addr)
	return n, peer, err
}

func (c *packetConn) Write(ms []Message) (int, error) {
	for i := range ms {
		if err := c.writeTo(ms[i].Buf, ms[i].Peer); err != nil {
			return i, err
		}
	}
	return len(ms), nil
}

func (c *packetConn) writeTo(b []byte, peer netip.AddrPort) error {
	if c.fast != nil {
		_, err := c.fast.WriteToUDPAddrPort(b, peer)
		return err
	}
	_, err := c.pc.WriteTo(b, net.UDPAddrFromAddrPort(peer))
	return err
}
