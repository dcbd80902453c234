//go:build !ohce_portable

package udp

import (
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

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

// writeSome sends at most MaxWidth messages.
func (c *udpConn) writeSome(ms []Message) (int, error) {
	t := &c.send
	t.size(len(ms))
	for i := range ms {
		if err := c.setRow(&ms[i], i); err != nil {
			ms = ms[:i] // send the messages before it first
			if i == 0 {
				return 0, err
			}
			break
		}
	}
	t.from, t.want = 0, len(ms)
	err := c.writeRows(t)
	switch {
	case err != nil && c.closed.Load(), t.err == unix.EAGAIN && c.closed.Load():
		return t.from, net.ErrClosed
	case err == nil && t.err != 0:
		if size := ms[t.from].Segment; size > 0 {
			c.offload.refused(size, t.err)
		}
		err = os.NewSyscallError("sendmmsg", t.err)
	}
	return t.from, err
}

// writeRows makes the call. If Read replaces the descriptor before it starts, writeRows tries
// again.
func (c *udpConn) writeRows(t *mmsg) error {
	for {
		t.desc = c.desc.Load()
		if err := t.desc.rc.Write(t.call); err == nil || t.desc == c.desc.Load() {
			return err
		}
	}
}

// setRow sets row i from m.
func (c *udpConn) setRow(m *Message, i int) error {
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
	if c.wildcard && m.Local.IsValid() && (c.inet6 || m.Local.Is4()) {
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

// sendmmsg sends the rows from t.from up to t.want. After a partial batch, it continues with the
// first row that was not sent. An error concerns row t.from, because the kernel reports an error
// only for the first row of a call. If the send buffer is full, sendmmsg waits for a limited time
// and then fails with EAGAIN.
func (c *udpConn) sendmmsg(fd uintptr) bool {
	t := &c.send
	sock := t.desc.sock(fd)
	var wait batchWait
	for t.err = 0; t.from < t.want; {
		n, _, e := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(sock), uintptr(unsafe.Pointer(&t.hdrs[t.from])),
			uintptr(t.want-t.from), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case e == 0:
			t.from += int(n)
		case e == unix.EINTR:
		case e == unix.EAGAIN && !c.closed.Load() && wait.retry(&c.room, sock, t.from):
		default:
			t.err = e
			return true
		}
	}
	return true
}
