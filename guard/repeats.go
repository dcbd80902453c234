package guard

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// DefaultRepeatLimit is the limit of a Repeats that has no other.
const DefaultRepeatLimit = 1 << 20

// repeatSlots is the number of sources that are watched at once.
const repeatSlots = 1024

// Repeats is a Rule that ends loops which [PortSet] does not prevent: two servers on ports that
// clients use too. In such a loop the same datagram, or its transform, travels back and forth. Each
// one that is dropped ends one loop. A client loses one request out of the limit, and only if it
// sends requests of the same length from the same port all the time.
//
// It watches a fixed number of sources. It finds a source that sends more than all others that share
// its slot. It is for one goroutine.
type Repeats struct {
	limit int32
	last  *repeat // the slot of the latest datagram
	slots [repeatSlots]repeat
}

type repeat struct {
	source netip.AddrPort
	length int32
	count  int32
}

// NewRepeats returns a Repeats that drops each limit-th consecutive datagram of one length from one
// source. If limit is zero, it is DefaultRepeatLimit; a negative limit admits everything.
func NewRepeats(limit int) *Repeats {
	if limit == 0 {
		limit = DefaultRepeatLimit
	}
	r := &Repeats{limit: int32(max(-1, min(limit, 1<<30)))}
	r.last = &r.slots[0]
	return r
}

// Admit counts d and returns DropLoop if the limit is reached.
func (r *Repeats) Admit(_ time.Time, d *Datagram) Verdict {
	if r.limit < 0 || r.countRepeat(d, 1) {
		return Admitted
	}
	s, length := &r.slots[slot(d.Source)], int32(len(d.Payload))
	r.last = s
	if s.source != d.Source || s.length != length {
		if s.count--; s.count >= 0 {
			return Admitted
		}
		*s = repeat{source: d.Source, length: length}
	}
	if s.count++; s.count < r.limit {
		return Admitted
	}
	s.count = 0
	return DropLoop
}

// AdmitBatch admits datagrams that repeat the latest one, below the limit.
func (r *Repeats) AdmitBatch(_ time.Time, d *Datagram, n int) bool {
	return r.limit < 0 || r.countRepeat(d, int32(n))
}

// again counts n datagrams and reports true if they are like the latest one and below the limit: the
// most frequent case, for the datagrams of a batch often have one source.
func (r *Repeats) countRepeat(d *Datagram, n int32) bool {
	s := r.last
	again := s.count > 0 && s.count < r.limit-n && int(s.length) == len(d.Payload) &&
		s.source == d.Source
	if again {
		s.count += n
	}
	return again
}

// slot distributes the sources over the slots, by all bits of address and port.
func slot(source netip.AddrPort) uint64 {
	const odd = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio separates neighbours
	a := source.Addr().As16()
	h := binary.LittleEndian.Uint64(a[:8])*odd ^ binary.LittleEndian.Uint64(a[8:])
	h = (h^h>>32)*odd + uint64(source.Port())
	return h * odd >> 54 // 10 bits: repeatSlots
}
