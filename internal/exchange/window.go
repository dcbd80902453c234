package exchange

import "time"

// The parameters of a Window.
const (
	defaultMaxWindow = 4096
	defaultMinWindow = 64

	// targetDelay is how long datagrams may wait in queues before the window shrinks: long enough
	// to keep a link busy, less than the queues of slow links hold.
	targetDelay = 3 * time.Millisecond
	// baseLifetime is how long the shortest round-trip time is trusted: a route may change.
	baseLifetime = 10 * time.Second
	// congestionLoss is the share of a round's requests whose loss means congestion. Below it loss
	// says nothing about queues, because networks also lose at random.
	congestionLoss = 0.5
	// queueSamples is the number of responses that prove a queue.
	queueSamples = 8
	// maxGrowth is the share by which a round grows the window at most, after slow start.
	maxGrowth = 1.0 / 16
)

// A Window limits the number of requests in flight. It adapts to delay, not to loss: it grows while
// the shortest round-trip time of a round is close to the shortest one measured, during slow start
// by one for each response, and shrinks by as much as waits in queues (the idea is that of TCP
// Vegas: Brakmo and Peterson, 1995). A round is the time from a transmission to its response; each
// round makes one decision.
//
// The zero value is a window of 64 that grows up to 4,096.
type Window struct {
	// Initial is the window before anything is known. 0 means Min.
	Initial int
	// Min is the least that the window shrinks to, unless Max is less. 0 means 64.
	Min int
	// Max is the most that the window grows to. 0 means 4,096.
	Max int

	size float64 // 0: Initial

	base     time.Duration // the shortest round-trip time
	baseTime time.Time     // when it was measured
	settled  bool          // slow start is over

	roundEnd uint64        // the round ends with the response to a request of this number or a later one
	shortest time.Duration // round-trip time in the round; 0: none yet
	answered int           // in the round
	previous int           // answered in the previous round, if that filled the window
	growth   float64       // the share that an empty queue adds, after slow start
	lost     int           // in the round
	full     bool          // the window was filled in the round
}

func (w *Window) min() float64 {
	if w.Min == 0 {
		return defaultMinWindow
	}
	return float64(w.Min)
}

func (w *Window) max() float64 {
	if w.Max == 0 {
		return defaultMaxWindow
	}
	return float64(w.Max)
}

// Limit is the number of requests that may be in flight, at least 1.
func (w *Window) Limit() int {
	if w.size == 0 {
		w.size = max(w.min(), float64(w.Initial))
	}
	return max(1, int(min(w.size, w.max())))
}

// Filled notes that the window limits the requests in flight. Only a window that was filled grows.
func (w *Window) Filled() { w.full = true }

// Lost notes an attempt that got no response in time.
func (w *Window) Lost() { w.lost++ }

// Answered notes a response. number is that of its request, next the number of the next request to
// be sent. rtt is the round-trip time, or 0 if it is ambiguous.
func (w *Window) Answered(number, next uint64, rtt time.Duration, now time.Time) {
	w.answered++
	if !w.settled && w.full {
		w.size = min(float64(w.Limit())+1, w.max())
	}
	if rtt > 0 {
		if w.shortest == 0 || rtt < w.shortest {
			w.shortest = rtt
		}
		if w.base == 0 || rtt <= w.base || now.Sub(w.baseTime) > baseLifetime {
			w.base, w.baseTime = rtt, now
		}
	}
	w.endSlowStart()
	if number < w.roundEnd {
		return
	}
	w.decide()
	w.roundEnd = next
	w.previous = 0
	if w.full {
		w.previous = w.answered
	}
	w.shortest, w.answered, w.lost, w.full = 0, 0, 0, false
}

// endSlowStart ends slow start as soon as several responses have waited in a queue, before the
// round is over. By then the window is too large: the link carries in a round trip what was
// answered in one.
func (w *Window) endSlowStart() {
	if w.settled || w.answered < queueSamples || w.shortest <= w.base+targetDelay {
		return
	}
	w.settled = true
	if w.previous > 0 {
		w.size = max(min(w.size, float64(w.previous)), w.min())
	}
}

// decide ends a round.
func (w *Window) decide() {
	size := float64(w.Limit())
	queued := w.shortest - w.base
	switch {
	case float64(w.lost) > congestionLoss*float64(w.lost+w.answered):
		size, w.settled = size/2, true
	case w.shortest == 0: // no round-trip time is known
	case queued > targetDelay:
		// Remove what exceeds the wanted queue and, after loss, what found no room in the queue:
		// the responses of a round are what the link carried in it.
		if w.lost > 0 {
			size = min(size, float64(w.answered))
		}
		size *= max(0.5, float64(w.base+targetDelay/2)/float64(w.shortest))
		w.settled, w.growth = true, 0
	case !w.full: // a larger window would be untested
	case w.settled && queued < targetDelay/2:
		// Grow at first by as much as makes the wanted queue, then by more in each round.
		least := float64(targetDelay/2) / float64(max(w.base, 1))
		w.growth = min(max(2*w.growth, least), maxGrowth)
		size += max(1, size*w.growth)
	}
	w.size = min(max(size, w.min()), max(w.max(), w.min()))
}
