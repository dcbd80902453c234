package udp

import (
	"net"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// pollerDescriptors is the number of descriptors that the first socket of a process needs: an epoll
// and an eventfd for the runtime's poller, and one for the socket.
const pollerDescriptors = 3

// pollerReady is true after a socket has been opened. The runtime's poller then has its
// descriptors.
var pollerReady atomic.Bool

// roomForPoller fails with EMFILE if the process cannot open enough descriptors for its first
// socket. Without this check, the runtime would crash, because its poller cannot report an error.
func roomForPoller() error {
	if pollerReady.Load() {
		return nil
	}
	var fds []int
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	for range pollerDescriptors {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			return os.NewSyscallError("eventfd", err)
		}
		fds = append(fds, fd)
	}
	return nil
}

// maxReserve is the number of descriptors that InReserve keeps for the rest of the process.
const maxReserve = 64

// InReserve reports whether the descriptor of c is one of the last 64 that the process may open, or
// of the last quarter if that is less. The kernel gives a new descriptor the lowest free number, so
// that all lower ones were in use when c was opened.
func InReserve(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var number uint64
	if err := raw.Control(func(fd uintptr) { number = uint64(fd) }); err != nil {
		return false
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return false
	}
	return number >= limit.Cur-min(maxReserve, limit.Cur/4)
}
