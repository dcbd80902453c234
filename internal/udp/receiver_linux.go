//go:build !ohce_portable

package udp

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pollBefore is how long before its deadline a Receiver polls instead of waiting. The kernel may
// wake a thread later than asked by the timer slack (50 us by default, prctl(2)) and the time that
// the scheduler takes.
const pollBefore = 100 * time.Microsecond

// A socketReceiver is a Receiver for sockets of the kernel. It makes its system calls without the
// runtime's poller.
type socketReceiver struct {
	conns []*udpConn
	socks []int // their file descriptors
	epoll int   // an epoll instance for several sockets, or -1
	ready []unix.EpollEvent
	next  int // index of the next element of ready
}

func newReceiver(sockets []Socket) (Receiver, error) {
	r := &socketReceiver{epoll: -1}
	for _, s := range sockets {
		c, ok := s.(*udpConn)
		if !ok || !c.connected {
			return nil, errors.ErrUnsupported
		}
		sock, err := c.leavePoller()
		if err != nil {
			return nil, err
		}
		r.conns, r.socks = append(r.conns, c), append(r.socks, sock)
	}
	if len(r.conns) > 1 {
		return r, r.openEpoll()
	}
	return r, nil
}

// leavePoller removes the socket from the runtime's poller and returns its new descriptor. The kernel
// otherwise notifies the poller of each datagram that arrives, which costs its sender time.
func (c *udpConn) leavePoller() (sock int, err error) {
	c.state.Lock()
	defer c.state.Unlock()
	d := c.desc.Load()
	if d.epoll != nil { // by an earlier Receiver
		return d.epoll.sock, nil
	}
	var next *descriptor
	if err := d.control(func(sock int) (err error) {
		next, err = newHeavyDescriptor(sock)
		return err
	}); err != nil {
		return 0, err
	}
	c.desc.Store(next)
	return next.epoll.sock, d.close()
}

func (r *socketReceiver) openEpoll() error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	for i, sock := range r.socks {
		ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, sock, &ev); err != nil {
			unix.Close(epoll)
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	r.epoll = epoll
	r.ready = make([]unix.EpollEvent, 0, min(len(r.socks), MaxWidth))
	return nil
}

func (r *socketReceiver) Receive(ms []Message, deadline time.Time) (socket, n int, err error) {
	for {
		if r.epoll >= 0 {
			socket, n, err = r.readReady(ms)
		} else {
			n, err = r.conns[0].readQueued(ms, r.socks[0])
		}
		if n > 0 || err != nil {
			return socket, n, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return 0, 0, nil
		}
		if left > pollBefore {
			r.wait(left - pollBefore)
		}
	}
}

// readReady reads the next socket that has queued datagrams.
func (r *socketReceiver) readReady(ms []Message) (socket, n int, err error) {
	if r.next == len(r.ready) {
		r.ready, r.next = r.ready[:cap(r.ready)], 0
		count, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(r.epoll),
			uintptr(unsafe.Pointer(unsafe.SliceData(r.ready))), uintptr(len(r.ready)), 0, 0, 0)
		if e != 0 {
			count = 0
		}
		r.ready = r.ready[:count]
	}
	for r.next < len(r.ready) {
		socket = int(r.ready[r.next].Fd)
		r.next++
		if n, err = r.conns[socket].readQueued(ms, r.socks[socket]); n > 0 || err != nil {
			return socket, n, err
		}
	}
	return 0, 0, nil
}

// wait waits until a datagram is queued, or for d.
func (r *socketReceiver) wait(d time.Duration) {
	p := []unix.PollFd{{Fd: int32(r.epoll), Events: unix.POLLIN}}
	if r.epoll < 0 {
		p[0].Fd = int32(r.socks[0])
	}
	timeout := unix.NsecToTimespec(int64(d))
	_, _ = unix.Ppoll(p, &timeout, nil) // the caller tries again in any case
}

func (r *socketReceiver) Close() error {
	if r.epoll < 0 {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(r.epoll))
}

// readQueued reads the queued datagrams of a connected socket without waiting. If none is queued, it
// returns 0.
func (c *udpConn) readQueued(ms []Message, sock int) (int, error) {
	t := &c.recv
	n := min(len(ms), MaxWidth, max(c.width, minWidth))
	t.size(min(len(ms), MaxWidth))
	c.setBuffers(ms[:n])
	for {
		n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(sock), uintptr(unsafe.Pointer(&t.hdrs[0])),
			uintptr(t.want), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			t.done = int(n)
			return c.fillMessages(ms), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, os.NewSyscallError("recvmmsg", e)
		}
	}
}
