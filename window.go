package ohce

import "time"

// The bounds of a window, in datagrams, and what it steers by.
const (
	windowLeast = 32
	windowMost  = 4096
	windowFirst = 64

	// windowDelay is how long datagrams may stand in queues before the window shrinks: enough to keep
	// a link busy, less than the queues of slow links hold.
	windowDelay = 2 * time.Millisecond
	// windowMemory is for how long the shortest round trip is believed: a route may change.
	windowMemory = 10 * time.Second
	// windowLoss is the share of lost datagrams in a round trip from which on they are a sign that there
	// are too many. Below it loss says nothing about queues: networks lose at random too.
	windowLoss = 0.5
)

// A window is how many exchanges of a pipeline are under way at once. It follows the delay, not the
// loss: it grows while the shortest round trip of a round is about as short as any was, and shrinks
// as far as datagrams wait in a queue (the idea is Vegas's: Brakmo and Peterson, 1995). One
// decision is made a round, the time that it takes from a sending to the answer to it.
//
// The zero value is a window of windowFirst that grows up to windowMost.
type window struct {
	size float64 // 0: windowFirst
	most int     // 0: windowMost

	base   time.Duration // the shortest round trip
	baseAt time.Time
	slow   bool // past the first growth

	round    uint64        // the round ends with the answer to an exchange of this number or later
	shortest time.Duration // round trip of the round, 0: none yet
	answered int           // in the round
	lost     int
	full     bool // the window was used up in the round
}

// limit is the number of exchanges that may be under way.
func (w *window) limit() int {
	if w.size == 0 {
		w.size = windowFirst
	}
	most := w.most
	if most == 0 {
		most = windowMost
	}
	return max(1, min(int(w.size), most))
}

// answer takes note of an answered exchange: its number, the number that comes next, and its round trip,
// 0 where that is not known for sure.
func (w *window) answer(number, next uint64, rtt time.Duration, now time.Time) {
	w.answered++
	if rtt > 0 {
		if w.shortest == 0 || rtt < w.shortest {
			w.shortest = rtt
		}
		if w.base == 0 || rtt <= w.base || now.Sub(w.baseAt) > windowMemory {
			w.base, w.baseAt = rtt, now
		}
	}
	if number >= w.round {
		w.decide()
		w.round = next
		w.shortest, w.answered, w.lost, w.full = 0, 0, 0, false
	}
}

// loss takes note of a datagram that was not answered in time.
func (w *window) loss() { w.lost++ }

// decide ends a round.
func (w *window) decide() {
	size := float64(w.limit())
	queued := w.shortest - w.base
	switch {
	case float64(w.lost) > windowLoss*float64(w.lost+w.answered):
		size, w.slow = size/2, true
	case w.shortest == 0: // nothing is known
	case queued > windowDelay:
		// What is beyond the queue that is wanted, but not more than half at once.
		size *= max(0.5, float64(w.base+windowDelay/2)/float64(w.shortest))
		w.slow = true
	case !w.full: // it would grow without having been tried
	case !w.slow:
		size *= 2
	case queued < windowDelay/2:
		size += max(1, size/16)
	}
	w.size = min(max(size, windowLeast), windowMost)
}
