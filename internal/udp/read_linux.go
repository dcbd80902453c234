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

// minWidth is the minimum number of rows that Read offers to the kernel.
const minWidth = 4

// Read offers the kernel twice as many rows as the last read filled, because each row has a cost
// even if it is not used.
func (c *udpConn) Read(ms []Message) (int, error) {
	n := min(len(ms), MaxWidth, max(c.width, minWidth))
	if n == 0 {
		return 0, nil
	}
	c.recv.size(min(len(ms), MaxWidth))
	c.setBuffers(ms[:n])
	c.adapt()
	if c.drainLimit.reached() {
		return 0, net.ErrClosed
	}
	if err := c.receive(&c.recv, c.recv.call); err != nil {
		return 0, err
	}
	return c.fillMessages(ms), nil
}

// ReadPooled waits for a datagram without buffers, then takes buffers and reads without waiting.
func (c *udpConn) ReadPooled(pool *BufferPool) ([]Message, error) {
	for {
		c.adapt()
		if c.drainLimit.reached() {
			return nil, net.ErrClosed
		}
		c.recv.err = 0
		if err := c.receive(&c.recv, c.recv.ready); err != nil {
			return nil, err
		}
		ms := pool.get(c.Width(), c.MinReadBuffer())
		n := min(len(ms), max(c.width, minWidth))
		c.recv.size(n)
		c.setBuffers(ms[:n])
		c.nonBlocking = true
		err := c.receive(&c.recv, c.recv.call)
		if c.nonBlocking = false; err == nil {
			return ms[:c.fillMessages(ms)], nil
		}
		pool.Put(ms)
		if !errors.Is(err, errNothing) { // errNothing: the kernel dropped it, as for a bad checksum
			return nil, err
		}
	}
}

// errNothing is the error of a non-blocking read if no datagram is queued.
var errNothing = errors.New("no datagram queued")

// readable reports whether a read would return without waiting, with a datagram or an error.
func (c *udpConn) readable(fd uintptr) bool {
	p := unix.PollFd{Fd: int32(c.recv.desc.sock(fd)), Events: unix.POLLIN}
	n, _, e := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1,
		uintptr(unsafe.Pointer(&unix.Timespec{})), 0, 0, 0)
	if n == 0 && e == 0 && !c.ended() {
		return !c.watch()
	}
	return true
}

// setBuffers sets the buffers of the rows to those of ms.
func (c *udpConn) setBuffers(ms []Message) {
	t := &c.recv
	for i := range ms {
		t.setBuf(i, ms[i].Buf[:cap(ms[i].Buf)])
		h := &t.hdrs[i].Hdr
		h.Namelen = unix.SizeofSockaddrInet6
		if c.connected { // the kernel need not copy the address of the peer
			h.Name, h.Namelen = nil, 0
		}
		if c.wildcard || c.offload.receive || c.timestamps {
			h.Control = &t.ctl[i*controlSpace]
			h.SetControllen(controlSpace)
		}
	}
	t.want = len(ms)
}

// fillMessages sets ms from the rows that the kernel filled, and returns their number.
func (c *udpConn) fillMessages(ms []Message) int {
	t := &c.recv
	if c.unfiltered.Load() {
		c.drainLimit.count(t.done)
	}
	c.load.observe(t.done, t.want)
	c.width = 2 * t.done
	for i := range t.done {
		c.fillMessage(&ms[i], i)
	}
	return t.done
}

// receive waits until call reports that it is complete. It returns net.ErrClosed if reading has
// ended.
func (c *udpConn) receive(t *mmsg, call func(fd uintptr) bool) error {
	t.desc = c.desc.Load()
	for {
		err := t.desc.rc.Read(call)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded) && c.ended():
			// Drain or Release has woken this read. Further reads do not wait.
			if err := t.desc.file.SetReadDeadline(never); err != nil {
				if c.closed.Load() { // by a Close after Drain
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

// recvmmsg fills the rows with queued datagrams. If none is queued and none arrives during busy
// polling, it returns false, which makes the caller wait.
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
		case c.draining.Load(), c.nonBlocking:
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

// watch makes the runtime's poller report the next datagram. If watch returns false, it has set the
// error of the call.
func (c *udpConn) watch() bool {
	t := &c.recv
	t.err = t.desc.watch()
	t.op, t.done = "epoll_ctl", 0
	return t.err == 0
}

// fillMessage sets m from row i.
func (c *udpConn) fillMessage(m *Message, i int) {
	h := &c.recv.hdrs[i]
	m.Buf = m.Buf[:h.Len]
	m.Peer = c.peer
	if !c.connected {
		m.Peer = c.zones.peer(&c.recv.names[i])
	}
	m.Truncated = h.Hdr.Flags&unix.MSG_TRUNC != 0
	m.Local, m.IfIndex, m.Segment, m.HopLimit, m.Arrived = c.local.Addr(), 0, 0, 0, 0
	if h.Hdr.Controllen == 0 {
		return
	}
	control := parseControl(c.recv.control(i)[:h.Hdr.Controllen])
	m.HopLimit, m.Arrived = control.hopLimit, control.arrived
	if c.wildcard {
		m.Local, m.IfIndex = control.local, control.ifIndex
	}
	if control.segment < len(m.Buf) {
		m.Segment = control.segment
	}
}
