package udp

import (
	"errors"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// ignoreResets prevents reads from failing because of an ICMP error for a datagram sent earlier. Go
// turns off such errors for "port unreachable" (SIO_UDP_CONNRESET), but not for "time to live
// exceeded" (SIO_UDP_NETRESET). Before Windows 10, the option fails with WSAEINVAL.
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
