package guard

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// DefaultRepeatLimit is the default limit of a Repeats, in datagrams.
const DefaultRepeatLimit = 1 << 20

// repeatSlots is the number of sources that a Repeats tracks at once.
const repeatSlots = 1024

// Repeats is a Rule that ends loops that [PortSet] does not prevent: those between servers on ports
// that clients use too. In such a loop, datagrams of one length travel back and forth. Repeats
// counts consecutive datagrams of the same length from one source, and drops one each time the
// limit is reached. The dropped datagram ends a loop. A client loses one request per limit, and
// only if it sends requests of equal length from one port.
//
// Repeats tracks a fixed number of sources. Sources can share a slot, and a source is detected if
// it sends more than the others in its slot together. A Repeats must not be used concurrently.
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

// NewRepeats returns a Repeats with the given limit in datagrams. If limit is zero, it is
// DefaultRepeatLimit. If negative, the Repeats admits all datagrams.
func NewRepeats(limit int) *Repeats {
	if limit == 0 {
		limit = DefaultRepeatLimit
	}
	r := &Repeats{limit: int32(max(-1, min(limit, 1<<30)))}
	r.last = &r.slots[0]
	return r
}

// Admit counts d. It returns DropLoop if the limit is reached.
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

// AdmitBatch admits n datagrams if they repeat the latest one and stay below the limit.
func (r *Repeats) AdmitBatch(_ time.Time, d *Datagram, n int) bool {
	return r.limit < 0 || r.countRepeat(d, int32(n))
}

// countRepeat counts n datagrams and returns true if they repeat the latest one and stay below the
// limit. This is the most frequent case, because the datagrams of a batch often have one source.
func (r *Repeats) countRepeat(d *Datagram, n int32) bool {
	s := r.last
	again := s.count > 0 && s.count < r.limit-n && int(s.length) == len(d.Payload) &&
		s.source == d.Source
	if again {
		s.count += n
	}
	return again
}

// slot returns the slot of a source. It depends on all bits of the address and port.
func slot(source netip.AddrPort) uint64 {
	const odd = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio: spreads similar sources
	a := source.Addr().As16()
	h := binary.LittleEndian.Uint64(a[:8])*odd ^ binary.LittleEndian.Uint64(a[8:])
	h = (h^h>>32)*odd + uint64(source.Port())
	return h * odd >> 54 // 10 bits: repeatSlots
}
