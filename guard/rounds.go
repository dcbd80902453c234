package guard

import (
	"hash/maphash"
	"math"
	"math/bits"
	"net/netip"
	"time"
)

// DefaultRounds is the value of Loops.Rounds if that field is zero.
const DefaultRounds = 16

const (
	maxRounds = 1 << 20 // rounds between two silences, at most

	roundSets = 2048
	roundWays = 4
)

// A tick is a time since the start of a rule in units of 2^20 ns, about a millisecond. It wraps
// around after 52 days; only differences count.
type tick uint32

func ticks(d time.Duration) tick { return tick(d >> 20) }

const (
	// roundPause is the pause after which a request is no round of a loop, because a server answers
	// sooner.
	roundPause tick = 95 // 99.6 ms
	// silentMemory is how long a pair is protected after a silence, until the client retransmits.
	silentMemory tick = 1000
	// roundMemory is how long a pair is protected otherwise.
	roundMemory tick = 10_000
)

// rounds detects loops by their texts. In a loop, the peer's response to a response is the request
// again (if it applies the inverse transform), or the response again (if it echoes). So the pair of
// request and response, in either order, repeats, and each repetition arrives immediately after the
// response.
//
// One round in a series goes unanswered. That ends a loop. A client retransmits after a pause, and
// then the following series of the same pair is twice as long. Without a pause the pair belongs to
// another copy of the datagram or to a client that does not wait for responses, and the series grows
// by its first length only.
//
// rounds holds 8,192 pairs in a set-associative table that is indexed by a hash with a random key.
type rounds struct {
	first uint32 // the length of the first series
	seed  maphash.Seed
	addrs addrHash
	sets  []roundSet

	source netip.AddrPort // of the latest datagram
	hash   uint64         // of source
}

// A roundSet holds four pairs. It fills one cache line.
type roundSet struct {
	tag    [roundWays]uint32 // the rest of the hash; 0: unused
	last   [roundWays]tick   // the latest round
	count  [roundWays]uint32 // rounds of this series; 0 after a silence
	length [roundWays]uint32 // of this series
}

// newRounds returns rounds whose first series has n rounds, at least 1.
func newRounds(n int) *rounds {
	return &rounds{
		first: uint32(min(n, maxRounds)), seed: maphash.MakeSeed(), addrs: newAddrHash(),
		sets: make([]roundSet, roundSets),
	}
}

// repeats counts a request with its response and reports whether it is the last one of a series.
// at is the time since the start of the rule.
func (r *rounds) repeats(at time.Duration, source netip.AddrPort, request, response []byte) bool {
	index, tag := r.hashes(source, request, response)
	return r.sets[index].repeats(tag, ticks(at), r.first)
}

// hashes returns hashes of the source and both texts that do not depend on the order of the texts:
// an index into sets, and a tag that is not 0.
func (r *rounds) hashes(source netip.AddrPort, request, response []byte) (index, tag uint32) {
	if source != r.source {
		high, low := bits.Mul64(r.addrs.of(source.Addr())^uint64(source.Port()), r.addrs.a|1)
		r.source, r.hash = source, high^low
	}
	texts := maphash.Bytes(r.seed, request) + maphash.Bytes(r.seed, response)
	high, low := bits.Mul64(texts^r.hash, 0x9E3779B97F4A7C15) // 2^64 divided by the golden ratio
	h := high ^ low
	return uint32(h % roundSets), uint32(h>>32) | 1
}

func (s *roundSet) repeats(tag uint32, now tick, first uint32) bool {
	i := s.find(tag)
	if i < 0 {
		i = s.victim(now)
		s.tag[i], s.last[i], s.count[i], s.length[i] = tag, now, 1, first
		return s.ends(i, first)
	}
	if now-s.last[i] >= roundPause {
		if s.count[i] == 0 { // the client has retransmitted; first was added at the silence
			s.length[i] = min(2*(s.length[i]-first), maxRounds)
		}
		s.count[i] = 0
	}
	s.last[i] = now
	s.count[i]++
	return s.ends(i, first)
}

// ends reports whether the series of pair i is complete, and then begins the next one.
func (s *roundSet) ends(i int, first uint32) bool {
	if s.count[i] < s.length[i] {
		return false
	}
	s.count[i] = 0
	s.length[i] = min(s.length[i], maxRounds-first) + first
	return true
}

// find returns the index of tag, or -1.
func (s *roundSet) find(tag uint32) int {
	for i := range s.tag {
		if s.tag[i] == tag {
			return i
		}
	}
	return -1
}

// victim returns the index of the pair to replace: one that is unused or no longer protected,
// otherwise the one with the fewest rounds. Among equals it takes the newest: if there are more loops
// than the set has room for, the others stay until they end.
func (s *roundSet) victim(now tick) int {
	best, fewest := 0, uint32(math.MaxUint32)
	for i := range s.tag {
		age, weight := now-s.last[i], s.length[i]+s.count[i]
		switch {
		case s.tag[i] == 0, age >= roundMemory, s.count[i] == 0 && age >= silentMemory:
			return i
		case age >= roundPause:
			weight = s.length[i]
		}
		if weight < fewest || weight == fewest && age <= now-s.last[best] {
			best, fewest = i, weight
		}
	}
	return best
}
