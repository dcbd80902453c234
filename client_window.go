package ohce

import "time"

// The bounds of a window, in datagrams, and what it steers by.
const (
	windowLeast = 64
	windowMost  = 4096
	windowFirst = 64

	// windowDelay is how long datagrams may stand in queues before the window shrinks: enough to keep
	// a link busy, less than the queues of slow links hold.
	windowDelay = 3 * time.Millisecond
	// windowMemory is for how long the shortest round trip is believed: a route may change.
	windowMemory = 10 * time.Second
	// windowLoss is the share of lost datagrams in a round trip from which on they are a sign that there
	// are too many. Below it loss says nothing about queues: networks lose at random too.
	windowLoss = 0.5
	// windowSigns is how many answers show a queue.
	windowSigns = 8
	// windowGrowth is the share that a round adds at most, after the first growth.
	windowGrowth = 1.0 / 16
	// windowPace is how much quicker than answers come datagrams are sent, so that the window can grow;
	// windowBurst, how many may go at once.
	windowPace  = 1.25
	windowBurst = 32
)

// A window is how many exchanges of a pipeline are under way at once. It follows the delay, not the
// loss: it grows while the shortest round trip of a round is about as short as any was, at first by
// one for each answer, and shrinks as far as datagrams wait in a queue (the idea is Vegas's: Brakmo
// and Peterson, 1995). One decision is made a round, the time that it takes from a sending to the
// answer to it. What the window has room for is not sent in one burst but at a pace a little above
// the one at which answers come, for queues on the way are short.
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
	before   int           // answered in the round before it, if the window was used up in it
	growth   float64       // the share that a quiet round adds, after the first growth
	lost     int
	full     bool // the window was used up in the round

	tokens float64 // datagrams that may be sent now
	paced  time.Time
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
	if !w.slow && w.full {
		w.size = min(float64(w.limit())+1, windowMost)
	}
	if rtt > 0 {
		if w.shortest == 0 || rtt < w.shortest {
			w.shortest = rtt
		}
		if w.base == 0 || rtt <= w.base || now.Sub(w.baseAt) > windowMemory {
			w.base, w.baseAt = rtt, now
		}
	}
	// A queue that all of some answers have stood in is seen before the round is over, and ends the
	// first growth. By then that has gone too far: what a link carries in a round trip is what was
	// answered in one.
	if !w.slow && w.answered >= windowSigns && w.shortest > w.base+windowDelay {
		w.slow = true
		if w.before > 0 {
			w.size = max(min(w.size, float64(w.before)), windowLeast)
		}
	}
	if number >= w.round {
		w.decide()
		w.round = next
		w.before = 0
		if w.full {
			w.before = w.answered
		}
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
		// What is beyond the queue that is wanted, and what found no room in it: a round's answers are
		// what the link carried in its time.
		if w.lost > 0 {
			size = min(size, float64(w.answered))
		}
		size *= max(0.5, float64(w.base+windowDelay/2)/float64(w.shortest))
		w.slow, w.growth = true, 0
	case !w.full: // it would grow without having been tried
	case w.slow && queued < windowDelay/2:
		// At first by as much as makes the queue that is wanted, then by more with each quiet round.
		least := float64(windowDelay/2) / float64(max(w.base, 1))
		w.growth = min(max(2*w.growth, least), windowGrowth)
		size += max(1, size*w.growth)
	}
	w.size = min(max(size, windowLeast), windowMost)
}

// pace returns how many datagrams may be sent now, and if that is none, how long it takes until one may.
// As long as no round trip is known, nothing holds them back.
func (w *window) pace(now time.Time, srtt time.Duration) (n int, wait time.Duration) {
	if srtt == 0 {
		w.paced = now
		return windowMost, 0
	}
	perSecond := windowPace * float64(w.limit()) / srtt.Seconds()
	burst := max(windowBurst, perSecond*windowDelay.Seconds())
	w.tokens = min(burst, w.tokens+perSecond*now.Sub(w.paced).Seconds())
	w.paced = now
	if w.tokens >= 1 {
		return int(w.tokens), 0
	}
	// Not less than a timer can tell, nor nothing, which would never end.
	return 0, max(time.Duration((1-w.tokens)/perSecond*float64(time.Second)), 10*time.Microsecond)
}

// sent takes note of n datagrams.
func (w *window) sent(n int) { w.tokens = max(0, w.tokens-float64(n)) }
