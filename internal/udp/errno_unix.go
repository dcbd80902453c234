//go:build unix

package udp

import (
	"errors"
	"slices"

	"golang.org/x/sys/unix"
)

// transient lists the errors after which a UDP socket is still usable: asynchronous ICMP errors,
// interrupted calls, and shortages of memory.
var transient = []unix.Errno{
	unix.EINTR, unix.EAGAIN, unix.ENOMEM, unix.ENOBUFS, unix.ECONNREFUSED, unix.ECONNRESET,
	unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EMSGSIZE, unix.EPERM,
	unix.EPROTO, unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.ETIMEDOUT, unix.EACCES,
}

func isTransient(err error) bool {
	var e unix.Errno
	return errors.As(err, &e) && slices.Contains(transient, e)
}

func isRefused(err error) bool          { return errors.Is(err, unix.ECONNREFUSED) }
func isMessageSize(err error) bool      { return errors.Is(err, unix.EMSGSIZE) }
func isAddrInUse(err error) bool        { return errors.Is(err, unix.EADDRINUSE) }
func isAddrNotAvailable(err error) bool { return errors.Is(err, unix.EADDRNOTAVAIL) }
func isTooManyFiles(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}

func errnoName(err error) string {
	var e unix.Errno
	if !errors.As(err, &e) {
		return "other"
	}
	if name := unix.ErrnoName(e); name != "" {
		return name
	}
	return "other"
}
