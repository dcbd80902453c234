package udp

import (
	"os"
	"sync/atomic"

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
