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

// udpConn is a Socket on recvmmsg and sendmmsg. The calls are raw and never block, so the scheduler
// does not take the processor away from the loop; only an empty queue parks the goroutine on the
// runtime's poller.
type udpConn struct {
	file    file            // what the poller knows: the watch's epoll, or a socket that came from outside
	rc      syscall.RawConn // of file; it keeps the descriptors open during a call
	watch   *watch          // nil for a socket that came from outside
	local   netip.AddrPort
	wild    bool   // bound to a wildcard: each datagram tells its own local address
	inet6   bool   // the socket's family, whatever the addresses that it carries
	warning string // see Capped

	connected bool   // to its only peer: Write names none
	zones     *zones // names of the interfaces that link-local peers came through

	closed   atomic.Bool
	draining atomic.Bool
	leaky    atomic.Bool // draining without the filter, which was refused
	bound    drainBound  // of a leaky drain; Read's own
	offload  offload
	busyPoll time.Duration
	width    int  // rows that the next Read offers; Read's own, as are once and recv
	once     bool // a read is not to wait
	recv     mmsg
	ready    func(fd uintptr) bool // readable, made once
	send     mmsg                  // Write's own
	room     roomWait              // Write's own

	mu    sync.Mutex
	drops drops
}

// A file is a descriptor that the runtime's poller watches.
type file interface {
	syscall.Conn
	SetReadDeadline(time.Time) error
	Close() error
}

// never is the deadline that does not come.
var never time.Time

// newUDP makes a Socket of pc, which its owner may close at any time.
func newUDP(pc *net.UDPConn) (*udpConn, error) {
	local, err := addrPort(pc.LocalAddr())
	if err != nil {
		return nil, err
	}
	c := &udpConn{file: pc, local: local, wild: local.Addr().IsUnspecified(), zones: &zones{}}
	if c.rc, err = pc.SyscallConn(); err != nil {
		return nil, err
	}
	c.recv.call, c.send.call, c.ready = c.recvmmsg, c.sendmmsg, c.readable
	return c, c.prepare()
}

// connectUDP makes a Socket of a connected socket.
func connectUDP(pc *net.UDPConn) (Socket, error) {
	c, err := newUDP(pc)
	if err != nil {
		return nil, err
	}
	c.connected, c.room.connected = true, true
	return c, nil
}

// leavePoller takes the socket out of the runtime's poller, which nobody but c may know.
func (c *udpConn) leavePoller(pc *net.UDPConn) error {
	w, err := newWatch(c)
	if err != nil {
		return err
	}
	rc, err := w.poll.SyscallConn()
	if err != nil {
		return errors.Join(err, w.close())
	}
	c.file, c.rc, c.watch = w.poll, rc, w
	return pc.Close()
}

// sock is the socket's descriptor, where fd is the file's.
func (c *udpConn) sock(fd uintptr) uintptr {
	if c.watch != nil {
		return uintptr(c.watch.sock)
	}
	return fd
}

// prepare learns the socket's family and, on a wildcard, asks for the local address of each
// datagram.
func (c *udpConn) prepare() error {
	return c.control(func(fd int) error {
		family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			return err
		}
		c.inet6 = family == unix.AF_INET6
		c.offload.begin(fd)
		if !c.wild {
			return nil
		}
		return askPacketInfo(fd, c.inet6)
	})
}

// control runs f on the socket's descriptor.
func (c *udpConn) control(f func(fd int) error) error {
	return onDescriptor(c.rc, func(fd int) error { return f(int(c.sock(uintptr(fd)))) })
}

// onDescriptor runs f on the descriptor that rc holds.
func onDescriptor(rc syscall.RawConn, f func(fd int) error) error {
	var inner error
	if err := rc.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

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

// Drain puts a filter before the socket that lets nothing in, and wakes a Read that waits.
func (c *udpConn) Drain() error {
	shut := c.control(shutOut)
	c.leaky.Store(shut != nil)
	c.draining.Store(true)
	woken := c.file.SetReadDeadline(time.Unix(1, 0))
	if c.closed.Load() {
		return net.ErrClosed
	}
	return errors.Join(shut, woken)
}

// shutOut makes the kernel drop what arrives from now on; what is queued stays. The filter is one
// instruction of classic BPF, "accept 0 bytes" (socket(7), SO_ATTACH_FILTER, Linux 2.2).
func shutOut(fd int) error {
	reject := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: 0}
	prog := unix.SockFprog{Len: 1, Filter: &reject}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog)
}

func (c *udpConn) Close() error {
	c.KernelDropped() // the last look, kept
	if c.closed.Swap(true) {
		return net.ErrClosed
	}
	if c.watch != nil {
		return c.watch.close()
	}
	return c.file.Close()
}
