package udp

import (
	"errors"
	"net"
	"os"
)

// Transient reports whether a socket that failed with err is worth reading again: the error speaks
// of one datagram, of the network or of a shortage, and not of the socket itself.
func Transient(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || isTransient(err)
}

// Refused reports whether err is the network's word that nobody listens there: an ICMP "port
// unreachable" on a connected socket (RFC 1122, section 4.1.3.3).
func Refused(err error) bool { return isRefused(err) }

// TooLong reports whether a write failed because the datagram is longer than the socket, the
// protocol or the path takes.
func TooLong(err error) bool { return isMessageSize(err) }

// Taken reports whether binding failed because another socket has the address.
func Taken(err error) bool { return isAddrInUse(err) }

// Name is the short name of the system's error inside err, such as "EPERM", or "other".
func Name(err error) string {
	if errors.Is(err, net.ErrClosed) {
		return "closed"
	}
	return errnoName(err)
}
