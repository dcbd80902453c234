package udp

import (
	"iter"
	"net/netip"
)

// A Message is one datagram, or several of equal size as segments, with the addresses of both
// sides.
type Message struct {
	// Buf holds the bytes. Read uses the whole capacity and sets the length to what arrived; Write
	// sends Buf as it is, and an empty or nil Buf is an empty datagram.
	Buf []byte
	// Peer is the other side: the sender for Read, the receiver for Write. IPv4 addresses are plain
	// (never mapped into IPv6). Read leaves it invalid where the system does not report it, which
	// happens only together with Truncated.
	Peer netip.AddrPort
	// Local is this side's address. Read sets it to the address that the datagram was sent to; it
	// is the zero Addr if the system does not report it, which for sockets of Listen happens only
	// where no response can be sent from that address (multicast over IPv6). Write sends from Local
	// if the socket is bound to a wildcard and the system can choose (Linux); the zero Addr leaves
	// the choice to the system's routing.
	Local netip.Addr
	// IfIndex is the interface that a datagram arrived through, or 0. It is set only with a
	// link-local Local, whose response must leave by the same interface.
	IfIndex uint32
	// Segment, if not 0, is the size of the datagrams in Buf: all have Segment bytes, but for the
	// last one, which has at least 1 and at most Segment. All have the same Peer and Local. Read
	// sets it if the kernel returns several datagrams as one (UDP GRO, Linux 5.0); Write takes up
	// to Socket.MaxSegments of them (UDP GSO, Linux 4.18).
	Segment int
	// HopLimit is the remaining hop limit of a datagram that was read (TTL in IPv4), or 0 if the
	// socket does not report it. See ReportHopLimit. Write ignores it.
	HopLimit int
	// Truncated reports that the datagram was longer than Buf and that its end is lost. Not every
	// system reports it: where that matters, make Buf one byte longer than the longest datagram to
	// be accepted.
	Truncated bool
}

// Count returns the number of datagrams in the message, at least 1.
func (m *Message) Count() int {
	if m.Segment == 0 {
		return 1
	}
	return (len(m.Buf) + m.Segment - 1) / m.Segment
}

// Datagrams yields the datagrams of the message in order. Each is a part of Buf whose capacity
// reaches to the end of Buf, so that [Batch] can put neighbours together again. The loop over it is
// inlined and allocates nothing.
func (m *Message) Datagrams() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		data, size := m.Buf, m.Segment
		if size == 0 {
			size = len(data)
		}
		for {
			n := min(size, len(data))
			if !yield(data[:n]) {
				return
			}
			if data = data[n:]; len(data) == 0 {
				return
			}
		}
	}
}
