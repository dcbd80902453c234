package udp

import (
	"errors"
	"net"
	"os"
)

// ErrPortUnreachable is the error of a net.Conn that is no socket of the system, such as one of a
// test, for what the system reports as an ICMP port unreachable message.
var ErrPortUnreachable = errors.New("port unreachable")

// Transient reports whether it makes sense to read a socket again that failed with err: the error
// is about one datagram, the network or a shortage, and not about the socket.
func Transient(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || isTransient(err)
}

// Refused reports whether err is an ICMP port unreachable message on a connected socket (RFC 1122,
// section 4.1.3.3), or wraps ErrPortUnreachable.
func Refused(err error) bool { return isRefused(err) || errors.Is(err, ErrPortUnreachable) }

// TooLong reports whether a write failed because the datagram is longer than the socket, the
// protocol or the path takes.
func TooLong(err error) bool { return isMessageSize(err) }

// Taken reports whether binding failed because another socket has the address.
func Taken(err error) bool { return isAddrInUse(err) }

// TooManyFiles reports whether opening a socket failed because the process, or the whole system,
// has as many files open as it may.
func TooManyFiles(err error) bool { return isTooManyFiles(err) }

// Name is the short name of the system's error inside err, such as "EPERM", or "other".
func Name(err error) string {
	if errors.Is(err, net.ErrClosed) {
		return "closed"
	}
	return errnoName(err)
}
