package udp

import (
	"net/netip"
	"time"
)

// A Fragmentation says how the kernel treats datagrams that are longer than the path MTU.
type Fragmentation int

const (
	// DontFragment: no system on the path fragments a datagram; see Options.DontFragment.
	DontFragment Fragmentation = iota
	// AllowFragments: this system fragments datagrams that are longer than the MTU of the link or the
	// path MTU that it has learned from an ICMP message. With IPv4, routers fragment them further. With
	// IPv6, a fragment has at most 1,280 bytes, which pass everywhere.
	AllowFragments
)

// A PathEvent is a datagram that arrived at a PathSocket, or an error report for one that it sent.
type PathEvent struct {
	Kind PathEventKind
	// Len is the length of the datagram that arrived.
	Len int
	// Fragment is the length of the largest fragment in bytes, with its IP header. It is 0 if the
	// datagram arrived in one piece.
	Fragment int
	// MTU is the limit that a report of kind PathTooLong or PathTooLongHere names, in bytes.
	MTU int
	// From is the system that sent the ICMP message.
	From netip.Addr
}

// A PathEventKind is the kind of a PathEvent.
type PathEventKind int

const (
	PathDatagram    PathEventKind = iota // a datagram arrived
	PathTooLong                          // ICMP: fragmentation needed, or packet too big
	PathTooLongHere                      // the datagram is longer than the MTU of the link of this system
	PathRefused                          // ICMP: port unreachable
	PathUnreachable                      // another ICMP error, or an error of this system
)

// A PathSocket is a connected UDP socket that reports what happens to its datagrams on the path. One
// goroutine at a time may use it, except for SetReadDeadline and Close.
type PathSocket interface {
	// Send sends a datagram. If TooLong(err), it is longer than the MTU of the link, and Read returns
	// an event of kind PathTooLongHere.
	Send(b []byte) error
	// Read waits for the next event. If it is a datagram, Read copies it to b. The error after the
	// deadline wraps os.ErrDeadlineExceeded.
	Read(b []byte) (PathEvent, error)
	// SetReadDeadline sets the deadline for current and future calls of Read.
	SetReadDeadline(t time.Time) error
	// RemoteAddr returns the address of the peer.
	RemoteAddr() netip.AddrPort
	Close() error
}
