package guard

import (
	"net/netip"
	"time"
)

// DefaultStreak is the value of Loops.Streak if that field is zero.
const DefaultStreak = 1 << 20

const (
	streakSlots = 1024 // addresses that are counted at once
	// streakHalf is the time without a datagram in which the count of an address falls by half.
	streakHalf = 100 * time.Millisecond
)

// streaks ends loops that no pair of texts reveals, for example because the peer adds a number to
// each text. It counts the datagrams of each source address, whatever their ports, lengths and
// texts. Only silence reduces the count.
//
// Addresses share slots, and in each slot streaks finds an address that sends more than all others.
type streaks struct {
	limit uint32
	addrs addrHash
	last  *streak // of the latest datagram
	slots [streakSlots]streak
}

type streak struct {
	addr  netip.Addr
	last  time.Duration // since the start of the rule
	count uint32
}

// newStreaks returns streaks that leave each limit-th datagram unanswered. limit is at least 1.
func newStreaks(limit int) *streaks {
	s := &streaks{limit: uint32(min(limit, 1<<30)), addrs: newAddrHash()}
	s.last = &s.slots[0]
	return s
}

// full counts a datagram and reports whether it completes a streak.
func (s *streaks) full(at time.Duration, source netip.Addr) bool {
	e := s.find(at, source, 1)
	if e == nil {
		return false
	}
	if e.count++; e.count < s.limit {
		return false
	}
	e.count = 0
	return true
}

// below counts n datagrams and reports true if they do not complete a streak; otherwise it does
// nothing.
func (s *streaks) below(at time.Duration, source netip.Addr, n int) bool {
	e := s.find(at, source, uint32(n))
	if e == nil {
		return true
	}
	if e.count+uint32(n) >= s.limit {
		return false
	}
	e.count += uint32(n)
	return true
}

// find returns the slot of source after its decay. If the slot belongs to another address, find
// reduces its count by n and returns nil, or passes an empty slot on to source.
func (s *streaks) find(at time.Duration, source netip.Addr, n uint32) *streak {
	e := s.last
	if e.addr != source {
		e = &s.slots[s.slot(source)]
		s.last = e
	}
	if gap := at - e.last; gap >= streakHalf {
		e.count >>= min(gap/streakHalf, 31)
	}
	e.last = at
	if e.addr == source {
		return e
	}
	if e.count >= n {
		e.count -= n
		return nil
	}
	e.addr, e.count = source, 0
	return e
}

func (s *streaks) slot(source netip.Addr) uint64 {
	return s.addrs.of(source) % streakSlots
}
