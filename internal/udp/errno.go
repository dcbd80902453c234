package udp

import (
	"errors"
	"net"
	"os"
)

// ErrPortUnreachable is the error with which a net.Conn that is not a system socket reports that
// the peer's port is unreachable. Simulated networks for tests use it.
var ErrPortUnreachable = errors.New("port unreachable")

// Transient reports whether reading can continue after err. A transient error concerns a single
// datagram, the network or a temporary shortage of memory, and not the socket.
func Transient(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || isTransient(err)
}

// Refused reports whether err is the error of a connected socket that received an ICMP port
// unreachable message (RFC 1122, section 4.1.3.3), or wraps ErrPortUnreachable.
func Refused(err error) bool { return isRefused(err) || errors.Is(err, ErrPortUnreachable) }

// TooLong reports whether a write failed because the datagram exceeds the limit of the socket, the
// protocol or the path.
func TooLong(err error) bool { return isMessageSize(err) }

// Taken reports whether binding failed because the address is in use by another socket.
func Taken(err error) bool { return isAddrInUse(err) }

// NotLocal reports whether binding failed because this machine does not have the address.
func NotLocal(err error) bool { return isAddrNotAvailable(err) }

// TooManyFiles reports whether opening a socket failed because the process or the system has
// reached its limit of open files.
func TooManyFiles(err error) bool { return isTooManyFiles(err) }

// Name returns the symbolic name of the system error that err wraps, such as "EPERM". It returns
// "closed" for net.ErrClosed and "other" if err wraps no system error. On Windows, the name is
// "WSA" followed by the error number.
func Name(err error) string {
	if errors.Is(err, net.ErrClosed) {
		return "closed"
	}
	return errnoName(err)
}
