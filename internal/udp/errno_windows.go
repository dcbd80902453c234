package udp

import (
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sys/windows"
)

// transient lists the errors after which a UDP socket is still usable. With the resets, Windows
// reports an ICMP error for a datagram that the socket sent earlier.
var transient = []windows.Errno{
	windows.WSAEINTR, windows.WSAEWOULDBLOCK, windows.WSAENOBUFS, windows.WSAECONNREFUSED,
	windows.WSAECONNRESET, windows.WSAENETRESET, windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH,
	windows.WSAENETDOWN, windows.WSAEMSGSIZE, windows.WSAETIMEDOUT, windows.WSAEACCES,
}

func isTransient(err error) bool {
	var e windows.Errno
	return errors.As(err, &e) && slices.Contains(transient, e)
}

func isRefused(err error) bool {
	return errors.Is(err, windows.WSAECONNREFUSED) || errors.Is(err, windows.WSAECONNRESET)
}

func isMessageSize(err error) bool      { return errors.Is(err, windows.WSAEMSGSIZE) }
func isAddrInUse(err error) bool        { return errors.Is(err, windows.WSAEADDRINUSE) }
func isAddrNotAvailable(err error) bool { return errors.Is(err, windows.WSAEADDRNOTAVAIL) }
func isTooManyFiles(err error) bool     { return errors.Is(err, windows.WSAEMFILE) }

func errnoName(err error) string {
	var e windows.Errno
	if !errors.As(err, &e) {
		return "other"
	}
	return "WSA" + strconv.Itoa(int(e))
}
