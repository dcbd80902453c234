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

// controlSpace is the room for a message's control data: both kinds of packet info and the size of
// the datagrams in a run fit.
const controlSpace = 128

// leastWidth is how many rows a Read offers after a quiet time.
const leastWidth = 4

// mmsg holds the tables of one direction, a row a message. They grow to the batch in use and are
// then kept, so that a batch allocates nothing.
type mmsg struct {
	hdrs  []unix.Mmsghdr
	iovs  []unix.Iovec
	names []unix.RawSockaddrInet6 // large enough for RawSockaddrInet4 too
	ctl   []byte                  // controlSpace a row

	call func(fd uintptr) bool // the method value, made once
	from int                   // the first row of the call
	want int                   // the row after its last
	done int                   // rows the kernel took
	op   string                // the call that err speaks of
	err  unix.Errno
}

// size makes room for n rows.
func (t *mmsg) size(n int) {
	if len(t.hdrs) >= n {
		return
	}
	t.hdrs = make([]unix.Mmsghdr, n)
	t.iovs = make([]unix.Iovec, n)
	t.names = make([]unix.RawSockaddrInet6, n)
	t.ctl = make([]byte, n*controlSpace)
	for i := range t.hdrs {
		h := &t.hdrs[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&t.names[i]))
		h.Iov = &t.iovs[i]
		h.SetIovlen(1)
	}
}

func (t *mmsg) control(i int) []byte { return t.ctl[i*controlSpace : (i+1)*controlSpace] }

// setBuf points row i at b, which may be empty.
func (t *mmsg) setBuf(i int, b []byte) {
	t.iovs[i].Base = unsafe.SliceData(b)
	t.iovs[i].SetLen(len(b))
}

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

// ReadLent waits without buffers, and then reads without waiting.
func (c *udpConn) ReadLent(l *Lender) ([]Message, error) {
	for {
		if c.bound.reached() {
			return nil, net.ErrClosed
		}
		c.recv.err = 0
		if err := c.receive(&c.recv, c.ready); err != nil {
			return nil, err
		}
		ms := l.lend(c.Width(), c.ReadSize())
		n := min(len(ms), max(c.width, leastWidth))
		c.recv.size(n)
		c.offer(ms[:n])
		c.once = true
		err := c.receive(&c.recv, c.recv.call)
		if c.once = false; err == nil {
			return ms[:c.takeAll(ms)], nil
		}
		l.Return(ms)
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
				if c.closed.Load() { // since Drain
					return net.ErrClosed
				}
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
		case c.spin <= 0:
			return !c.look()
		case spun.IsZero():
			spun = time.Now()
		case time.Since(spun) > c.spin:
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

func (c *udpConn) Write(ms []Message) (int, error) {
	for sent := 0; sent < len(ms); {
		n, err := c.writeSome(ms[sent:min(len(ms), sent+MaxWidth)])
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return len(ms), nil
}

// writeSome sends up to MaxWidth messages.
func (c *udpConn) writeSome(ms []Message) (int, error) {
	t := &c.send
	t.size(len(ms))
	for i := range ms {
		if err := c.put(&ms[i], i); err != nil {
			ms = ms[:i] // what stands before it goes out first
			if i == 0 {
				return 0, err
			}
			break
		}
	}
	t.from, t.want = 0, len(ms)
	err := c.rc.Write(t.call)
	switch {
	case err != nil && c.closed.Load(), t.err == unix.EAGAIN:
		return t.from, net.ErrClosed
	case err == nil && t.err != 0:
		if size := ms[t.from].Segment; size > 0 {
			c.offload.refused(size, t.err)
		}
		err = os.NewSyscallError("sendmmsg", t.err)
	}
	return t.from, err
}

// put turns a message into row i.
func (c *udpConn) put(m *Message, i int) error {
	t := &c.send
	h := &t.hdrs[i].Hdr
	if c.connected {
		h.Name, h.Namelen = nil, 0
	} else {
		n, err := c.zones.putSockaddr(&t.names[i], m.Peer, c.inet6)
		if err != nil {
			return err
		}
		h.Namelen = n
	}
	t.setBuf(i, m.Buf)
	ctl := t.control(i)[:0]
	if c.wild && m.Local.IsValid() && (c.inet6 || m.Local.Is4()) {
		ctl = appendPacketInfo(ctl, m.Local, m.IfIndex, c.inet6)
	}
	if m.Segment > 0 {
		ctl = appendSegment(ctl, m.Segment)
	}
	h.Control = nil
	if len(ctl) > 0 {
		h.Control = unsafe.SliceData(ctl)
	}
	h.SetControllen(len(ctl))
	return nil
}

// sendmmsg sends rows from..want. After a partial batch it goes on behind what was sent; the kernel
// reports an error only for the first row of a call, and so it belongs to row from. While the send
// buffer is full it waits, or where the runtime's poller does reports false; it gives EAGAIN if the
// socket is closed meanwhile.
func (c *udpConn) sendmmsg(fd uintptr) bool {
	t, sock := &c.send, c.sock(fd)
	for t.err = 0; t.from < t.want; {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, sock, uintptr(unsafe.Pointer(&t.hdrs[t.from])),
			uintptr(t.want-t.from), unix.MSG_DONTWAIT, 0, 0)
		switch e {
		case 0:
			t.from += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			if c.watch == nil {
				return false
			}
			if c.closed.Load() {
				t.err = e
				return true
			}
			waitWritable(c.watch.sock)
		default:
			t.err = e
			return true
		}
	}
	return true
}
