//go:build !ohce_portable

package udp

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A descriptor registers a socket with the runtime's poller in one of two ways.
//
// Under light load, the socket itself is registered, which wakes its reader fastest. However, the
// kernel then notifies the poller of each datagram that arrives, and of each datagram sent, because
// sending frees space in the send buffer. Under a flood, this takes 5 % of the server's time.
//
// Under heavy load, the runtime's poller therefore watches an epoll instance, and the socket is
// registered with that instance only while its queue is empty.
type descriptor struct {
	file  file            // registered with the runtime's poller: the socket or the epoll instance
	rc    syscall.RawConn // of file; keeps the descriptors open during a call
	epoll *epoll          // nil under light load
}

// A file is a descriptor that the runtime's poller watches.
type file interface {
	syscall.Conn
	SetReadDeadline(time.Time) error
	Close() error
}

// never is the deadline that does not expire.
var never time.Time

// newDescriptor returns a descriptor for a file registered with the runtime's poller.
func newDescriptor(socket file) (*descriptor, error) {
	rc, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &descriptor{file: socket, rc: rc}, nil
}

// newLightDescriptor returns a descriptor for light load. It uses a duplicate of sock.
func newLightDescriptor(sock int) (*descriptor, error) {
	fd, err := duplicate(sock)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "socket")
	if err := f.SetReadDeadline(never); err != nil { // the poller refused to register f
		return nil, errors.Join(err, f.Close())
	}
	return newDescriptor(f)
}

// newHeavyDescriptor returns a descriptor for heavy load. It uses a duplicate of sock.
func newHeavyDescriptor(sock int) (*descriptor, error) {
	e, err := newEpoll(sock)
	if err != nil {
		return nil, err
	}
	d, err := newDescriptor(e.file)
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	d.epoll = e
	return d, nil
}

// sock returns the file descriptor of the socket. fd is the file descriptor of d.file.
func (d *descriptor) sock(fd uintptr) int {
	if d.epoll != nil {
		return d.epoll.sock
	}
	return int(fd)
}

// watch makes the runtime's poller report the next datagram, or a datagram that is already queued.
func (d *descriptor) watch() unix.Errno {
	if d.epoll == nil {
		return 0
	}
	return d.epoll.add()
}

// unwatch undoes watch.
func (d *descriptor) unwatch() {
	if d.epoll != nil {
		d.epoll.remove()
	}
}

// control calls f with the file descriptor of the socket.
func (d *descriptor) control(f func(sock int) error) error {
	return onDescriptor(d.rc, func(fd int) error { return f(d.sock(uintptr(fd))) })
}

// close waits for calls in progress and closes the file descriptors.
func (d *descriptor) close() error {
	if d.epoll != nil {
		return d.epoll.close()
	}
	return d.file.Close()
}

// An epoll is an epoll instance for one socket. It is registered with the runtime's poller.
type epoll struct {
	file       *os.File
	fd         int
	sock       int  // a duplicate of the socket's file descriptor
	registered bool // whether the socket is registered with the instance
}

func newEpoll(sock int) (*epoll, error) {
	own, err := duplicate(sock)
	if err != nil {
		return nil, err
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		unix.Close(own)
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// The runtime's poller accepts only non-blocking files.
	err = os.NewSyscallError("fcntl", unix.SetNonblock(fd, true))
	e := &epoll{file: os.NewFile(uintptr(fd), "epoll"), fd: fd, sock: own}
	if err = errors.Join(err, e.file.SetReadDeadline(never)); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *epoll) add() unix.Errno {
	if e.registered {
		return 0
	}
	errno := e.control(unix.EPOLL_CTL_ADD)
	e.registered = errno == 0
	return errno
}

func (e *epoll) remove() {
	if e.registered && e.control(unix.EPOLL_CTL_DEL) == 0 {
		e.registered = false
	}
}

// control calls epoll_ctl, which never blocks.
func (e *epoll) control(op uintptr) unix.Errno {
	ev := unix.EpollEvent{Events: unix.EPOLLIN}
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(e.fd), op, uintptr(e.sock),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	return errno
}

func (e *epoll) close() error {
	return errors.Join(e.file.Close(), os.NewSyscallError("close", unix.Close(e.sock)))
}

// duplicate returns a duplicate of a file descriptor, with the close-on-exec flag.
func duplicate(fd int) (int, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	return own, os.NewSyscallError("fcntl", err)
}
