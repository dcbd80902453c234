package guard

import (
	"encoding/binary"
	"net/netip"
)

// RepeatLimit is how many datagrams of one length a source may send in a row until one of them gets
// no answer, where nobody chose another limit.
const RepeatLimit = 1 << 20

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

// TooMany counts n datagrams of one length from a source, and reports how many of them are to get no
// answer: mostly none.
func (r *Repeats) TooMany(source netip.AddrPort, length, n int) int {
	if r.limit < 0 {
		return 0
	}
	s := &r.slots[slot(source)]
	if s.source != source || s.length != int32(length) {
		if s.count -= int32(n); s.count >= 0 {
			return 0
		}
		*s = repeat{source: source, length: int32(length)}
	}
	if s.count += int32(n); s.count < r.limit {
		return 0
	}
	many := s.count / r.limit
	s.count %= r.limit
	return int(many)
}

// slot spreads the sources over the slots, by all bits of address and port.
func slot(source netip.AddrPort) uint64 {
	const odd = 0x9E3779B97F4A7C15 // 2^64 by the golden ratio: neighbours fall far apart
	a := source.Addr().As16()
	h := binary.LittleEndian.Uint64(a[:8])*odd ^ binary.LittleEndian.Uint64(a[8:])
	h = (h^h>>32)*odd + uint64(source.Port())
	return h * odd >> 54 // 10 bits: repeatSlots
}
