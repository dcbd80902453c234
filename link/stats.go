package link

import "iter"

// Stats counts datagrams of one direction.
// Seen = BlackHoled + TooLong + Lost + Overflow + Delivered.
type Stats struct {
	// Seen counts the datagrams passed to the link. Delivered counts those that arrived at least
	// once.
	Seen      uint64 `json:"seen"`
	Delivered uint64 `json:"delivered"`

	// BlackHoled, TooLong, Lost and Overflow count the datagrams that did not arrive: dropped by
	// the black hole, longer than the MTU, lost at random, or without room in the queue.
	BlackHoled uint64 `json:"black_holed"`
	TooLong    uint64 `json:"too_long"`
	Lost       uint64 `json:"lost"`
	Overflow   uint64 `json:"overflow"`

	// Truncated, Corrupted and Duplicated count the delivered datagrams with that damage. Reordered
	// counts arrivals, copies included, that overtook an earlier datagram. Rebound counts changes
	// of the sender's port.
	Truncated  uint64 `json:"truncated"`
	Corrupted  uint64 `json:"corrupted"`
	Duplicated uint64 `json:"duplicated"`
	Reordered  uint64 `json:"reordered"`
	Rebound    uint64 `json:"rebound"`
}

// All returns an iterator over the counters with their names in JSON.
func (s Stats) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		_ = yield("seen", s.Seen) &&
			yield("delivered", s.Delivered) &&
			yield("black_holed", s.BlackHoled) &&
			yield("too_long", s.TooLong) &&
			yield("lost", s.Lost) &&
			yield("overflow", s.Overflow) &&
			yield("truncated", s.Truncated) &&
			yield("corrupted", s.Corrupted) &&
			yield("duplicated", s.Duplicated) &&
			yield("reordered", s.Reordered) &&
			yield("rebound", s.Rebound)
	}
}
