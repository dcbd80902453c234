package guard

import "net/netip"

// RepeatLimit is how many datagrams of one length a source may send in a row until one of them gets
// no answer, where nobody chose another limit.
const RepeatLimit = 1 << 16

// repeatSlots is how many sources are watched at once.
const repeatSlots = 1024

// Repeats breaks loops that [PortSet] does not see: two servers on ports that look like clients'. In
// such a loop the same datagram, or its transform, goes round and round, and it ends for good when
// it is left unanswered once. To a client the same costs one retransmission in RepeatLimit requests,
// and only if it sends requests of the same length from the same port all the time.
//
// It watches a fixed number of sources. One that sends more than all others that share its slot is
// found, whatever the others do. It is for one goroutine.
type Repeats struct {
	limit int32
	slots [repeatSlots]repeat
}

type repeat struct {
	source netip.AddrPort
	length int32
	count  int32
}

// NewRepeats returns a Repeats with a limit: every limit-th datagram of a source's run is one too
// many. 0 is RepeatLimit; a negative limit finds nothing.
func NewRepeats(limit int) *Repeats {
	if limit == 0 {
		limit = RepeatLimit
	}
	return &Repeats{limit: int32(max(-1, min(limit, 1<<30)))}
}

// TooMany counts a datagram and reports whether it is the one that is to get no answer.
func (r *Repeats) TooMany(source netip.AddrPort, length int) bool {
	if r.limit < 0 {
		return false
	}
	s := &r.slots[slot(source)]
	if s.source != source || s.length != int32(length) {
		if s.count--; s.count < 0 {
			*s = repeat{source, int32(length), 1}
			return r.limit == 1
		}
		return false
	}
	if s.count++; s.count < r.limit {
		return false
	}
	s.count = 0
	return true
}

// slot spreads the sources: clients of one host differ in the port, those of one program elsewhere
// in the last bytes of the address.
func slot(source netip.AddrPort) uint32 {
	a := source.Addr().As16()
	h := uint32(source.Port())<<16 | uint32(a[14])<<8 | uint32(a[15])
	h ^= uint32(a[12])<<24 | uint32(a[13])<<16 | uint32(a[7])<<8 | uint32(a[6])
	h *= 0x9E3779B1 // 2^32 by the golden ratio: neighbours fall far apart
	return h >> 22  // 10 bits: repeatSlots
}
