package udp

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// ignoreResets keeps Windows from failing a read because of an ICMP error for an earlier answer. Go
// turns off the report of "port unreachable" (SIO_UDP_CONNRESET) itself, but not that of "time to
// live exceeded" (SIO_UDP_NETRESET, Windows 10 and later; older ones answer WSAEINVAL).
func ignoreResets(_, _ string, rc syscall.RawConn) error {
	var failed error
	err := rc.Control(func(fd uintptr) {
		var off, returned uint32
		failed = windows.WSAIoctl(windows.Handle(fd), windows.SIO_UDP_NETRESET,
			(*byte)(unsafe.Pointer(&off)), uint32(unsafe.Sizeof(off)), nil, 0, &returned, nil, 0)
	})
	if errors.Is(failed, windows.WSAEINVAL) || errors.Is(failed, windows.WSAEOPNOTSUPP) {
		failed = nil
	}
	return errors.Join(err, failed)
}
