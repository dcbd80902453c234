//go:build !ohce_portable

package udp

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A udpConn is a Socket that uses recvmmsg and sendmmsg. The system calls bypass the scheduler,
// which is safe because they do not block. If no datagram is queued, the reader waits on the
// runtime's poller.
type udpConn struct {
	desc     atomic.Pointer[descriptor] // replaced by Read, with state held
	local    netip.AddrPort
	wildcard bool   // bound to a wildcard address, so that datagrams differ in their local address
	inet6    bool   // the socket's family is AF_INET6, even if its datagrams use IPv4
	warning  string // see BufferWarning

	connected  bool           // Write ignores Message.Peer
	peer       netip.AddrPort // of a connected socket
	timestamps bool           // reportArrival is on
	zones      *zones         // names of the interfaces of link-local peers

	shared     atomic.Bool // another process can have a duplicate of the descriptor
	closed     atomic.Bool
	released   atomic.Bool
	draining   atomic.Bool
	unfiltered atomic.Bool // draining, but the kernel refused the filter
	offload    offload

	// Used by Read only.
	drainLimit  drainLimit // for a drain without a filter
	busyPoll    time.Duration
	load        load
	width       int  // number of rows that the next Read offers
	nonBlocking bool // the call must not wait
	recv        mmsg

	// Used by Write only.
	send mmsg
	room roomWait

	state    sync.Mutex        // held by Drain, Release and Close, and while desc is replaced
	filtered bool              // Drain has attached rejectAll
	deny     []unix.SockFilter // attached unless filtered is set; nil if there is none

	mu    sync.Mutex
	drops drops
}

// newUDP returns a Socket that uses pc.
func newUDP(pc *net.UDPConn) (*udpConn, error) {
	local, err := addrPort(pc.LocalAddr())
	if err != nil {
		return nil, err
	}
	c := &udpConn{local: local, wildcard: local.Addr().IsUnspecified(), zones: &zones{}}
	d, err := newDescriptor(pc)
	if err != nil {
		return nil, err
	}
	c.desc.Store(d)
	c.recv.call, c.recv.ready, c.send.call = c.recvmmsg, c.readable, c.sendmmsg
	return c, c.prepare()
}

// connectUDP returns a Socket that uses pc, which must be connected.
func connectUDP(pc *net.UDPConn) (Socket, error) {
	c, err := newUDP(pc)
	if err != nil {
		return nil, err
	}
	c.connected, c.room.connected = true, true
	c.peer, err = addrPort(pc.RemoteAddr())
	return c, err
}

// prepare determines the socket's family and enables its options.
func (c *udpConn) prepare() error {
	return c.control(func(sock int) error {
		family, err := unix.GetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			return err
		}
		c.inet6 = family == unix.AF_INET6
		c.offload.enable(sock)
		if !c.wildcard {
			return nil
		}
		return enablePacketInfo(sock, c.inet6)
	})
}

// control calls f with the socket's descriptor. If adapt replaces the descriptor at the same time,
// control tries again.
func (c *udpConn) control(f func(sock int) error) error {
	for {
		d := c.desc.Load()
		if err := d.control(f); err == nil || d == c.desc.Load() {
			return err
		}
	}
}

// onDescriptor calls f with the descriptor of rc.
func onDescriptor(rc syscall.RawConn, f func(fd int) error) error {
	var inner error
	if err := rc.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// adapt replaces the descriptor if the load has changed. Only Read may call it. If adapt fails, as
// it does when the process has too many files open, the socket keeps its descriptor until the next
// change of the load.
func (c *udpConn) adapt() {
	d := c.desc.Load()
	if c.load.heavy == (d.epoll != nil) || c.connected {
		return
	}
	open := newLightDescriptor
	if c.load.heavy {
		open = newHeavyDescriptor
	}
	var next *descriptor
	if err := d.control(func(sock int) (err error) {
		next, err = open(sock)
		return err
	}); err != nil {
		c.load = load{heavy: d.epoll != nil}
		return
	}
	c.state.Lock()
	defer c.state.Unlock()
	if c.closed.Load() || c.ended() {
		next.close() // the deadline that ended reading is set on d
		return
	}
	c.desc.Store(next)
	d.close()
}

// ended reports whether Drain or Release has ended reading.
func (c *udpConn) ended() bool { return c.draining.Load() || c.released.Load() }

func (c *udpConn) Width() int                { return MaxWidth }
func (c *udpConn) BufferWarning() string     { return c.warning }
func (c *udpConn) LocalAddr() netip.AddrPort { return c.local }
func (c *udpConn) MaxSegments(size int) int  { return c.offload.maxSegments(size) }
func (c *udpConn) BusyPoll(d time.Duration)  { c.busyPoll = d }

func (c *udpConn) MinReadBuffer() int {
	if c.offload.receive {
		return maxCoalesced
	}
	return 0
}

// Drain attaches a filter that rejects all datagrams, and unblocks Read.
func (c *udpConn) Drain() error {
	c.state.Lock()
	defer c.state.Unlock()
	if c.released.Load() {
		return nil // the queue belongs to another process
	}
	filter := c.setFilter(rejectAll)
	c.filtered = c.filtered || filter == nil
	c.unfiltered.Store(!c.filtered)
	c.draining.Store(true)
	woken := c.wake()
	if c.closed.Load() {
		return net.ErrClosed
	}
	return errors.Join(filter, woken)
}

// Release replaces the filter of an earlier Drain by the one of DenySources, and unblocks Read.
func (c *udpConn) Release() error {
	c.state.Lock()
	defer c.state.Unlock()
	c.released.Store(true)
	woken := c.wake()
	if c.closed.Load() {
		return net.ErrClosed
	}
	if !c.filtered {
		return woken
	}
	err := c.setFilter(c.deny)
	c.filtered = err != nil
	return errors.Join(err, woken)
}

// File returns a duplicate of the socket, even while the poller watches an epoll instance.
func (c *udpConn) File() (*os.File, error) {
	c.shared.Store(true)
	var fd int
	if err := c.control(func(sock int) (err error) {
		fd, err = duplicate(sock)
		return err
	}); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), "udp "+c.local.String()), nil
}

// wake unblocks Read, which then checks whether reading has ended. It is called with state held.
func (c *udpConn) wake() error { return c.desc.Load().file.SetReadDeadline(time.Unix(1, 0)) }

func (c *udpConn) Close() error {
	c.KernelDropped() // stores the last value
	c.state.Lock()
	defer c.state.Unlock()
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	if c.filtered && c.shared.Load() {
		// The duplicate receives datagrams again. If this fails, its owner can call DenySources.
		_ = c.setFilter(c.deny)
	}
	return c.desc.Load().close()
}
