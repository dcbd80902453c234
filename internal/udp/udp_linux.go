//go:build !ohce_portable

package udp

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// udpConn is a Socket on recvmmsg and sendmmsg. The calls are raw and do not block, so the
// scheduler does not take the processor away from the loop. A reader of an empty queue parks on the
// runtime's poller.
type udpConn struct {
	desc     atomic.Pointer[descriptor] // changed by Read, with state held
	local    netip.AddrPort
	wildcard bool   // bound to a wildcard: each datagram has its own local address
	inet6    bool   // the socket's family, whatever its datagrams' addresses
	warning  string // see BufferWarning

	connected bool   // to its only peer, which Write need not name
	zones     *zones // names of the interfaces that link-local peers use

	closed      atomic.Bool
	released    atomic.Bool
	draining    atomic.Bool
	unfiltered  atomic.Bool // draining without the filter, which was refused
	drainLimit  drainLimit  // of a leaky drain; Read's own, as all up to recv
	offload     offload
	busyPoll    time.Duration
	load        load
	width       int  // rows that the next Read offers
	nonBlocking bool // a read must not wait
	recv        mmsg
	send        mmsg     // Write's own
	room        roomWait // Write's own

	state    sync.Mutex // guards ending, and changing desc
	filtered bool       // by Drain

	mu    sync.Mutex
	drops drops
}

// newUDP returns a Socket that takes over pc.
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

// connectUDP returns a Socket that takes over a connected one.
func connectUDP(pc *net.UDPConn) (Socket, error) {
	c, err := newUDP(pc)
	if err != nil {
		return nil, err
	}
	c.connected, c.room.connected = true, true
	return c, nil
}

// prepare finds out the socket's family and, on a wildcard, asks for the local address of each
// datagram.
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

// control runs f on the socket's descriptor, again if that is changed meanwhile.
func (c *udpConn) control(f func(sock int) error) error {
	for {
		d := c.desc.Load()
		if err := d.control(f); err == nil || d == c.desc.Load() {
			return err
		}
	}
}

// onDescriptor runs f on the descriptor that rc holds.
func onDescriptor(rc syscall.RawConn, f func(fd int) error) error {
	var inner error
	if err := rc.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// adapt changes the way that the socket waits if the load has changed. It is Read's own. If it
// fails, for want of a descriptor, the socket still works, and the next change of the load tries
// again.
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

// Drain attaches a filter to the socket that rejects all datagrams, and wakes a waiting Read.
func (c *udpConn) Drain() error {
	c.state.Lock()
	defer c.state.Unlock()
	if c.released.Load() {
		return nil // the queue belongs to another process
	}
	filter := c.control(rejectAll)
	c.filtered = c.filtered || filter == nil
	c.unfiltered.Store(!c.filtered)
	c.draining.Store(true)
	woken := c.wake()
	if c.closed.Load() {
		return net.ErrClosed
	}
	return errors.Join(filter, woken)
}

// Release removes the filter of an earlier Drain, and wakes a waiting Read.
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
	err := c.control(func(sock int) error {
		return unix.SetsockoptInt(sock, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	})
	c.filtered = err != nil
	return errors.Join(err, woken)
}

// wake ends the wait of a Read, which then finds out why. It is called with state held.
func (c *udpConn) wake() error { return c.desc.Load().file.SetReadDeadline(time.Unix(1, 0)) }

// rejectAll makes the kernel drop the datagrams that arrive from now on; those that are queued
// stay. The filter is one instruction of classic BPF, "accept 0 bytes" (socket(7),
// SO_ATTACH_FILTER, Linux 2.2).
func rejectAll(sock int) error {
	reject := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
	prog := unix.SockFprog{Len: 1, Filter: &reject}
	return unix.SetsockoptSockFprog(sock, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog)
}

func (c *udpConn) Close() error {
	c.KernelDropped() // for the last time
	c.state.Lock()
	defer c.state.Unlock()
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	return c.desc.Load().close()
}
