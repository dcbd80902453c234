//go:build !ohce_portable

package udp

import (
	"errors"
	"net"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// leastWidth is how many rows a Read offers after a quiet time.
const leastWidth = 4

// Read offers the kernel twice as many rows as it filled the last time, because a row that is
// offered costs a little even if it is not used.
func (c *udpConn) Read(ms []Message) (int, error) {
	n := min(len(ms), MaxWidth, max(c.width, leastWidth))
	if n == 0 {
		return 0, nil
	}
	c.recv.size(min(len(ms), MaxWidth))
	c.offer(ms[:n])
	c.adapt()
	if c.bound.reached() {
		return 0, net.ErrClosed
	}
	if err := c.receive(&c.recv, c.recv.call); err != nil {
		return 0, err
	}
	return c.takeAll(ms), nil
}

// ReadPooled waits without buffers, and then reads without waiting.
func (c *udpConn) ReadPooled(pool *BufferPool) ([]Message, error) {
	for {
		c.adapt()
		if c.bound.reached() {
			return nil, net.ErrClosed
		}
		c.recv.err = 0
		if err := c.receive(&c.recv, c.recv.ready); err != nil {
			return nil, err
		}
		ms := pool.get(c.Width(), c.MinReadBuffer())
		n := min(len(ms), max(c.width, leastWidth))
		c.recv.size(n)
		c.offer(ms[:n])
		c.once = true
		err := c.receive(&c.recv, c.recv.call)
		if c.once = false; err == nil {
			return ms[:c.takeAll(ms)], nil
		}
		pool.Put(ms)
		if !errors.Is(err, errNothing) { // such as a datagram with a bad checksum
			return nil, err
		}
	}
}

// errNothing is the error of a read that does not wait, if nothing is queued.
var errNothing = errors.New("nothing is queued")

// readable reports whether a read would not wait. If the socket has an error, it would report that.
func (c *udpConn) readable(fd uintptr) bool {
	p := unix.PollFd{Fd: int32(c.recv.desc.sock(fd)), Events: unix.POLLIN}
	n, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1,
		uintptr(unsafe.Pointer(&unix.Timespec{})), 0, 0, 0)
	if n == 0 && e == 0 && !c.ended() {
		return !c.watch()
	}
	return true
}

// offer points the rows at the buffers of ms.
func (c *udpConn) offer(ms []Message) {
	t := &c.recv
	for i := range ms {
		t.setBuf(i, ms[i].Buf[:cap(ms[i].Buf)])
		h := &t.hdrs[i].Hdr
		h.Namelen = unix.SizeofSockaddrInet6
		if c.wild || c.offload.receive {
			h.Control = &t.ctl[i*controlSpace]
			h.SetControllen(controlSpace)
		}
	}
	t.want = len(ms)
}

// takeAll turns the rows that were filled into messages.
func (c *udpConn) takeAll(ms []Message) int {
	t := &c.recv
	if c.leaky.Load() {
		c.bound.count(t.done)
	}
	c.load.read(t.done, t.want)
	c.width = 2 * t.done
	for i := range t.done {
		c.take(&ms[i], i)
	}
	return t.done
}

// receive makes a call until it is done, reading has ended, or it fails.
func (c *udpConn) receive(t *mmsg, call func(fd uintptr) bool) error {
	t.desc = c.desc.Load()
	for {
		err := t.desc.rc.Read(call)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && c.ended():
			// This is how Drain and Release wake a reader. From here on reads do not wait.
			if err := t.desc.file.SetReadDeadline(never); err != nil {
				if c.closed.Load() { // after Drain
					return net.ErrClosed
				}
				return err
			}
		case err != nil && c.closed.Load():
			return net.ErrClosed
		case err != nil:
			return err
		case t.err == unix.EAGAIN && c.ended():
			return net.ErrClosed
		case t.err == unix.EAGAIN:
			return errNothing
		case t.err != 0:
			return os.NewSyscallError(t.op, t.err)
		default:
			return nil
		}
	}
}

// recvmmsg fills the rows with what is queued. It returns false, which makes the caller wait, if
// nothing is queued and nothing arrives while it polls.
func (c *udpConn) recvmmsg(fd uintptr) bool {
	t := &c.recv
	sock := uintptr(t.desc.sock(fd))
	var begun time.Time
	for {
		if c.released.Load() {
			t.done, t.err = 0, unix.EAGAIN
			return true
		}
		n, _, e := unix.RawSyscall6(unix.SYS_RECVMMSG, sock, uintptr(unsafe.Pointer(&t.hdrs[0])),
			uintptr(t.want), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case e == unix.EINTR:
			continue
		case e != unix.EAGAIN:
			t.op, t.done, t.err = "recvmmsg", int(n), e
			if e != 0 {
				t.done = 0
			}
			if t.done == t.want && t.done >= fullRead {
				t.desc.unwatch()
			}
			return true
		case c.draining.Load(), c.once:
			t.done, t.err = 0, e
			return true
		case c.busyPoll <= 0:
			return !c.watch()
		case begun.IsZero():
			begun = time.Now()
		case time.Since(begun) > c.busyPoll:
			return !c.watch()
		}
	}
}

// watch reports whether the poller reports the next datagram. If it does not, the call has failed.
func (c *udpConn) watch() bool {
	t := &c.recv
	t.err = t.desc.watch()
	t.op, t.done = "epoll_ctl", 0
	return t.err == 0
}

// take turns row i into a message.
func (c *udpConn) take(m *Message, i int) {
	h := &c.recv.hdrs[i]
	m.Buf = m.Buf[:h.Len]
	m.Peer = c.zones.peer(&c.recv.names[i])
	m.Truncated = h.Hdr.Flags&unix.MSG_TRUNC != 0
	m.Local, m.IfIndex, m.Segment, m.HopLimit = c.local.Addr(), 0, 0, 0
	if h.Hdr.Controllen == 0 {
		return
	}
	told := parseControl(c.recv.control(i)[:h.Hdr.Controllen])
	m.HopLimit = told.hopLimit
	if c.wild {
		m.Local, m.IfIndex = told.local, told.ifIndex
	}
	if told.segment < len(m.Buf) {
		m.Segment = told.segment
	}
}
