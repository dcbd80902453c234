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

// Read offers the kernel twice as many rows as it filled the last time, for a row that is offered
// costs a little even if nothing comes.
func (c *udpConn) Read(ms []Message) (int, error) {
	n := min(len(ms), MaxWidth, max(c.width, leastWidth))
	if n == 0 {
		return 0, nil
	}
	c.recv.size(min(len(ms), MaxWidth))
	c.offer(ms[:n])
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
		if c.bound.reached() {
			return nil, net.ErrClosed
		}
		c.recv.err = 0
		if err := c.receive(&c.recv, c.ready); err != nil {
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

// errNothing is what a read that does not wait gives where nothing is queued.
var errNothing = errors.New("nothing is queued")

// readable reports whether a read would not wait; an error of the socket counts, and is left for it.
func (c *udpConn) readable(fd uintptr) bool {
	p := unix.PollFd{Fd: int32(c.sock(fd)), Events: unix.POLLIN}
	n, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1,
		uintptr(unsafe.Pointer(&unix.Timespec{})), 0, 0, 0)
	if n == 0 && e == 0 && !c.draining.Load() {
		return !c.look()
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
	c.width = 2 * t.done
	for i := range t.done {
		c.take(&ms[i], i)
	}
	return t.done
}

// receive runs a call until it is done, the socket is drained or closed, or it fails.
func (c *udpConn) receive(t *mmsg, call func(fd uintptr) bool) error {
	for {
		err := c.rc.Read(call)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && c.draining.Load():
			// Drain's way of waking this reader: from here on reads do not wait.
			if err := c.file.SetReadDeadline(never); err != nil {
				return err
			}
		case err != nil && c.closed.Load():
			return net.ErrClosed
		case err != nil:
			return err
		case t.err == unix.EAGAIN && c.draining.Load():
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

// recvmmsg fills the rows with what is queued. It reports false, "wait", where nothing is and comes
// while it spins.
func (c *udpConn) recvmmsg(fd uintptr) bool {
	t, sock := &c.recv, c.sock(fd)
	var spun time.Time
	for {
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
			if c.watch != nil && t.done == t.want && t.done >= busy {
				c.watch.lookAway()
			}
			return true
		case c.draining.Load(), c.once:
			t.done, t.err = 0, e
			return true
		case c.busyPoll <= 0:
			return !c.look()
		case spun.IsZero():
			spun = time.Now()
		case time.Since(spun) > c.busyPoll:
			return !c.look()
		}
	}
}

// look reports whether the poller tells of the next datagram; where it cannot, the call has failed.
func (c *udpConn) look() bool {
	if c.watch == nil {
		return true
	}
	t := &c.recv
	t.err = c.watch.look()
	t.op, t.done = "epoll_ctl", 0
	return t.err == 0
}

// take turns row i into a message.
func (c *udpConn) take(m *Message, i int) {
	h := &c.recv.hdrs[i]
	m.Buf = m.Buf[:h.Len]
	m.Peer = c.zones.peer(&c.recv.names[i])
	m.Truncated = h.Hdr.Flags&unix.MSG_TRUNC != 0
	m.Local, m.IfIndex, m.Segment = c.local.Addr(), 0, 0
	if h.Hdr.Controllen == 0 {
		return
	}
	told := parseControl(c.recv.control(i)[:h.Hdr.Controllen])
	if c.wild {
		m.Local, m.IfIndex = told.local, told.ifIndex
	}
	if told.segment < len(m.Buf) {
		m.Segment = told.segment
	}
}
