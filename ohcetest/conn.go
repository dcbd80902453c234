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

// queueLength is how many datagrams a socket keeps until they are read. More are dropped, as the
// kernel does, and counted as NetworkStats.Overflow.
const queueLength = 1024

// A Conn is a socket on a Network: a net.PacketConn, and a net.Conn where it is connected. What it
// reads is cut to the buffer without a word, as Unix does.
type Conn struct {
	network  *Network
	local    netip.AddrPort
	remote   netip.AddrPort // zero: not connected
	deadline deadline
	ready    chan struct{} // holds a token while something may be queued
	closed   chan struct{}

	mu    sync.Mutex
	queue []Datagram
	err   error // the next read or write fails with it
	once  sync.Once
}

func newConn(n *Network, remote netip.AddrPort) *Conn {
	c := &Conn{network: n, remote: remote, ready: make(chan struct{}, 1), closed: make(chan struct{})}
	c.deadline.init()
	return c
}

// ReadFromUDPAddrPort waits for a datagram and returns its length and its sender. What is queued is
// read even after the deadline.
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
			late = true // but something may have come meanwhile
		}
	}
}

// take returns what a read finds, and leaves the token for the next read where there is more.
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

// signal is called with mu held.
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
		return filtered // as the kernel does for a connected socket
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

var errNoPeer = errors.New("a datagram needs an address to go to")

// WriteToUDPAddrPort sends a datagram.
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

// ReadFrom is ReadFromUDPAddrPort with a net.Addr.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo is WriteToUDPAddrPort with a *net.UDPAddr.
func (c *Conn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.opError("write", fmt.Errorf("%T is not a *net.UDPAddr", to))
	}
	return c.WriteToUDPAddrPort(b, u.AddrPort())
}

// Read reads a datagram from the address the socket is connected to.
func (c *Conn) Read(b []byte) (int, error) {
	n, _, err := c.ReadFromUDPAddrPort(b)
	return n, err
}

// Write sends a datagram to the address the socket is connected to.
func (c *Conn) Write(b []byte) (int, error) { return c.WriteToUDPAddrPort(b, c.remote) }

// Close closes the socket; what is queued is lost.
func (c *Conn) Close() error {
	c.once.Do(func() {
		c.network.unbind(c.local, c)
		c.deadline.set(time.Time{})
		close(c.closed)
	})
	return nil
}

// LocalAddr is the address the socket is bound to, a *net.UDPAddr.
func (c *Conn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.local) }

// RemoteAddr is the address the socket is connected to, a *net.UDPAddr, or nil.
func (c *Conn) RemoteAddr() net.Addr {
	if !c.remote.IsValid() {
		return nil
	}
	return net.UDPAddrFromAddrPort(c.remote)
}

// SetDeadline sets the read deadline; writes never wait.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline sets when reads that find nothing fail with os.ErrDeadlineExceeded; the zero Time
// is never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	select {
	case <-c.closed:
		return c.opError("set", net.ErrClosed)
	default:
	}
	c.deadline.set(t)
	return nil
}

// SetWriteDeadline does nothing: writes never wait.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

func (c *Conn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// A deadline is a channel that closes when its time has come.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	ch    chan struct{}
}

func (d *deadline) init() { d.ch = make(chan struct{}) }

// passed closes at the deadline that was last set before the call or while it is waited for.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ch
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.ch // it fired: wait until it has closed the channel
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
