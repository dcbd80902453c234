package udp

import (
	"iter"
	"net/netip"
)

// A Message holds one datagram, or several of equal size as segments, with their addresses.
type Message struct {
	// Buf holds the payload. Read fills it up to its capacity and sets its length to the number of
	// bytes read. Write sends len(Buf) bytes. An empty or nil Buf is an empty datagram.
	Buf []byte
	// Peer is the sender for Read and the receiver for Write. Read returns IPv4 addresses as such,
	// not mapped to IPv6. Peer is invalid if the system does not report the sender, which happens
	// only if Truncated is set.
	Peer netip.AddrPort
	// Local is the local address. Read sets it to the address that the datagram was sent to, or to
	// the zero Addr if the system does not report one that can be the source of a response. On
	// sockets returned by Listen, this happens only for multicast over IPv6. On Linux, Write on a
	// socket bound to a wildcard address sends from Local. If Local is the zero Addr, and in all
	// other cases, the system chooses the source address.
	Local netip.Addr
	// IfIndex is the index of the interface that the datagram arrived on if Local is a link-local
	// address, otherwise 0. A response from a link-local address must leave by the same interface.
	IfIndex uint32
	// Segment, if positive, is the size of the datagrams in Buf. Each has Segment bytes, except the
	// last one, which has 1 to Segment. All have the same Peer and Local. Read sets Segment if the
	// kernel returns several datagrams as one (UDP GRO, Linux 5.0). Write accepts up to
	// Tuning.MaxSegments datagrams (UDP GSO, Linux 4.18). If Segment is 0, Buf is one datagram.
	Segment int
	// HopLimit is the remaining hop limit of a datagram that was read (TTL in IPv4), or 0 if the
	// socket does not report it. See ReportHopLimit. Write ignores it.
	HopLimit int
	// Arrived is when the datagram arrived at this system, in nanoseconds since 1970 by the clock of
	// the system, or 0 if the socket does not report it. See ReportArrival. Write ignores it.
	Arrived int64
	// Truncated reports that the datagram was longer than Buf and that its end is lost. Some
	// systems do not report truncation. To detect it there, make Buf one byte longer than the
	// longest acceptable datagram.
	Truncated bool
}

// Count returns the number of datagrams in the message, at least 1.
func (m *Message) Count() int {
	if m.Segment == 0 {
		return 1
	}
	return (len(m.Buf) + m.Segment - 1) / m.Segment
}

// Len returns the length of datagram i of the message in bytes. i is from 0 to Count()-1.
func (m *Message) Len(i int) int {
	if m.Segment == 0 {
		return len(m.Buf)
	}
	return min(m.Segment, len(m.Buf)-i*m.Segment)
}

// Datagrams returns an iterator over the datagrams of the message in order. Each is a slice of Buf
// whose capacity extends to the end of Buf, so that a [Batch] can combine consecutive ones again. A
// loop over the iterator does not allocate, because the compiler inlines it.
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
