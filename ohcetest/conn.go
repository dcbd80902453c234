package ohcetest

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/ohce/ohce"
)

// queueLength is the number of datagrams that a socket queues until they are read. Like the kernel,
// a socket drops a datagram if its queue is full.
const queueLength = 1024

// A Conn is a socket on a Network. It implements net.PacketConn and net.Conn. Methods of net.Conn
// need a connected socket, which [Network.Dial] and [Network.DialFrom] return. A socket queues at
// most 1,024 datagrams. As on Unix, a read silently discards the bytes of a datagram that do not
// fit in the buffer.
type Conn struct {
	network  *Network
	local    netip.AddrPort
	remote   netip.AddrPort // zero if not connected
	deadline deadline
	ready    chan struct{} // has an element while a datagram or an error may be queued
	closed   chan struct{}

	mu    sync.Mutex
	queue []Datagram
	err   error // the result of the next read or write
	once  sync.Once
}

func newConn(n *Network, remote netip.AddrPort) *Conn {
	c := &Conn{network: n, remote: remote, ready: make(chan struct{}, 1), closed: make(chan struct{})}
	c.deadline.init()
	return c
}

// ReadFromUDPAddrPort reads a datagram into b. It returns the number of bytes copied and the
// sender's address. It returns queued datagrams even after the deadline.
func (c *Conn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	for late := false; ; {
		d, ok, err := c.take()
		if err == nil && !ok && late {
			err = os.ErrDeadlineExceeded
		}
		if err != nil {
			return 0, netip.AddrPort{}, c.opError("read", err)
		}
		if ok {
			return copy(b, d.Data), d.From, nil
		}
		select {
		case <-c.ready:
		case <-c.closed:
		case <-c.deadline.passed():
			late = true // a datagram may have arrived in the meantime: look once more
		}
	}
}

// take returns the pending error or the next datagram; ok reports whether there was a datagram. If
// more datagrams are queued, take signals the next read.
func (c *Conn) take() (d Datagram, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.closed:
		return d, false, net.ErrClosed
	default:
	}
	switch {
	case c.err != nil:
		err, c.err = c.err, nil
	case len(c.queue) > 0:
		d, ok = c.queue[0], true
		c.queue = c.queue[1:]
	}
	if len(c.queue) > 0 {
		c.signal()
	}
	return d, ok, err
}

// signal wakes a read. It is called with mu held.
func (c *Conn) signal() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

func (c *Conn) bound(addr netip.AddrPort) { c.local = addr }

func (c *Conn) receive(d Datagram) outcome {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remote.IsValid() && d.From != c.remote {
		return filtered
	}
	if len(c.queue) == queueLength {
		return overflow
	}
	c.queue = append(c.queue, d)
	c.signal()
	return delivered
}

func (c *Conn) unreachable(to netip.AddrPort) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remote.IsValid() && c.remote == to {
		c.err = ohce.ErrPortUnreachable
		c.signal()
	}
}

var errNoPeer = errors.New("missing destination address")

// WriteToUDPAddrPort sends b as a datagram to the given address. It never blocks.
func (c *Conn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	c.mu.Lock()
	err := c.err
	c.err = nil
	c.mu.Unlock()
	select {
	case <-c.closed:
		err = net.ErrClosed
	default:
	}
	if err == nil && !to.IsValid() {
		err = errNoPeer
	}
	if err != nil {
		return 0, c.opError("write", err)
	}
	c.network.send(Datagram{From: c.local, To: to, Data: b})
	return len(b), nil
}

// ReadFrom is like ReadFromUDPAddrPort, but returns the sender's address as a *net.UDPAddr.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is like WriteToUDPAddrPort, but takes a *net.UDPAddr. It fails for any other net.Addr.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", fmt.Errorf("%T is not a *net.UDPAddr", to))
	}
	return c.WriteToUDPAddrPort(b, u.AddrPort())
}

// Read reads a datagram into b. A connected socket receives only datagrams from its remote address.
func (c *Conn) Read(b []byte) (int, error) {
	n, _, err := c.ReadFromUDPAddrPort(b)
	return n, err
}

// Write sends b as a datagram to the remote address. It fails if the socket is not connected.
func (c *Conn) Write(b []byte) (int, error) { return c.WriteToUDPAddrPort(b, c.remote) }

// Close closes the socket and discards the queued datagrams. Blocked reads fail with net.ErrClosed.
// Closing a closed socket has no effect.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.network.unbind(c.local, c)
		c.deadline.set(time.Time{})
		close(c.closed)
	})
	return nil
}

// LocalAddr returns the address that the socket is bound to, as a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// RemoteAddr returns the address that the socket is connected to, as a *net.UDPAddr, or nil if the
// socket is not connected.
func (c *Conn) RemoteAddr() net.Addr {
	if !c.remote.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(c.remote)
}

// SetDeadline is the same as SetReadDeadline, because writes never block.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline sets the deadline for current and future reads. After it, a read with no datagram
// queued fails with os.ErrDeadlineExceeded. A zero value for t means that reads do not time out.
func (c *Conn) SetReadDeadline(t time.Time) error {
	select {
	case <-c.closed:
		return c.opError("set", net.ErrClosed)
	default:
	}
	c.deadline.set(t)
	return nil
}

// SetWriteDeadline does nothing and returns nil, because writes never block.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// A deadline closes a channel when it expires.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	ch    chan struct{}
}

func (d *deadline) init() { d.ch = make(chan struct{}) }

// passed returns a channel that is closed when the deadline expires. If set changes a deadline that
// has not expired, the channel returned before follows the new deadline.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ch
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.ch // the timer has fired, and its function must not close the channel made below
	}
	d.timer = nil
	select {
	case <-d.ch:
		d.ch = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return
	}
	if wait := time.Until(t); wait > 0 {
		ch := d.ch
		d.timer = time.AfterFunc(wait, func() { close(ch) })
		return
	}
	close(d.ch)
}
