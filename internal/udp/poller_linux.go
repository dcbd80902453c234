//go:build !ohce_portable

package udp

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// busy is how many rows show, if all that were offered are filled, that more is queued.
const busy = 16

// A watch is an epoll of one socket, itself watched by the runtime's poller, that can look away.
//
// Who watches a socket is called for each datagram, those that it sends included, for each makes
// room in the send buffer; under a flood that was a twentieth of the server's time. So a socket is
// taken out of the runtime's poller when it is opened, watched through an epoll of its own while
// its queue is empty, and not at all while batches are full.
type watch struct {
	poll *os.File // the epoll
	fd   int      // its descriptor
	sock int      // the socket's
	on   bool
}

// newWatch makes a watch of c's socket, on a descriptor of its own.
func newWatch(c *udpConn) (*watch, error) {
	w := &watch{}
	if err := c.control(func(fd int) (err error) {
		w.sock, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		return os.NewSyscallError("fcntl", err)
	}); err != nil {
		return nil, err
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		unix.Close(w.sock)
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	w.fd = fd
	// As a file the runtime's poller watches it, wakes who waits for it, and keeps it open for the
	// calls under way; it takes one that does not block.
	err = os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
	w.poll = os.NewFile(uintptr(fd), "epoll")
	if err = errors.Join(err, w.poll.SetReadDeadline(never)); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// close waits for the calls under way and closes both descriptors.
func (w *watch) close() error {
	return errors.Join(w.poll.Close(), os.NewSyscallError("close", unix.Close(w.sock)))
}

// look begins to watch. What is queued by then counts as an event.
func (w *watch) look() unix.Errno {
	if w.on {
		return 0
	}
	e := w.control(unix.EPOLL_CTL_ADD)
	w.on = e == 0
	return e
}

// lookAway ends watching.
func (w *watch) lookAway() {
	if w.on && w.control(unix.EPOLL_CTL_DEL) == 0 {
		w.on = false
	}
}

// control is epoll_ctl, which never blocks.
func (w *watch) control(op uintptr) unix.Errno {
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(w.fd), op, uintptr(w.sock),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	return e
}
