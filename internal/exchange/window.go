package exchange

import "time"

// The parameters of a Window.
const (
	defaultMaxWindow = 4096
	defaultMinWindow = 64

	// targetDelay is how long datagrams may wait in queues before the window shrinks. It is long
	// enough to keep a link busy and shorter than the queues of slow links.
	targetDelay = 3 * time.Millisecond
	// baseLifetime is how long the shortest round-trip time is used, because a route may change.
	baseLifetime = 10 * time.Second
	// congestionLoss is the share of lost requests in a round that indicates congestion. A smaller
	// share does not, because networks also lose datagrams at random.
	congestionLoss = 0.5
	// queueSamples is the number of delayed responses that indicate a queue.
	queueSamples = 8
	// maxGrowth is the largest share by which the window grows in a round, after slow start.
	maxGrowth = 1.0 / 16
)

// A Window limits the number of requests in flight. It adapts to delay, not to loss, in the manner
// of TCP Vegas (Brakmo and Peterson, 1995). It grows while the shortest round-trip time of a round
// is close to the shortest one measured, and shrinks by the number of requests that wait in queues.
// During slow start it grows by one for each response. A round is the time from a transmission to
// its response. Each round makes one decision.
//
// The zero value is a window of 64 that grows up to 4,096.
type Window struct {
	// Initial is the size of the window at first. If zero, it is Min.
	Initial int
	// Min is the smallest size, unless Max is less. If zero, it is 64.
	Min int
	// Max is the largest size. If zero, it is 4,096.
	Max int

	size float64 // 0: Initial

	base     time.Duration // the shortest round-trip time
	baseTime time.Time     // when it was measured
	settled  bool          // slow start is over

	roundEnd uint64        // the round ends when this or a later request is answered
	shortest time.Duration // shortest round-trip time in the round; 0: none yet
	answered int           // in the round
	previous int           // answered in the previous round, if it filled the window
	growth   float64       // share by which the window last grew, after slow start
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

// Limit returns the number of requests that may be in flight, at least 1.
func (w *Window) Limit() int {
	if w.size == 0 {
		w.size = max(w.min(), float64(w.Initial))
	}
	return max(1, int(min(w.size, w.max())))
}

// Filled records that the window limits the requests in flight. A window grows only if it was
// filled in the round.
func (w *Window) Filled() { w.full = true }

// Lost records an attempt without a response in time.
func (w *Window) Lost() { w.lost++ }

// Answered records a response. number is the number of its request, and next that of the next
// request to be sent. rtt is the round-trip time, or 0 if it is ambiguous.
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

// endSlowStart ends slow start before the end of the round, as soon as several responses have been
// delayed by a queue. The window is then too large. It shrinks to the number of responses in the
// previous round, which is what the link carries in a round trip.
func (w *Window) endSlowStart() {
	if w.settled || w.answered < queueSamples || w.shortest <= w.base+targetDelay {
		return
	}
	w.settled = true
	if w.previous > 0 {
		w.size = max(min(w.size, float64(w.previous)), w.min())
	}
}

// decide adjusts the window at the end of a round.
func (w *Window) decide() {
	size := float64(w.Limit())
	queued := w.shortest - w.base
	switch {
	case float64(w.lost) > congestionLoss*float64(w.lost+w.answered):
		size, w.settled = size/2, true
	case w.shortest == 0: // no round-trip time measured
	case queued > targetDelay:
		// Remove the requests that exceed the target queue. After loss, also remove those that
		// overflowed the queue: the link carried only the answered ones.
		if w.lost > 0 {
			size = min(size, float64(w.answered))
		}
		size *= max(0.5, float64(w.base+targetDelay/2)/float64(w.shortest))
		w.settled, w.growth = true, 0
	case !w.full: // the round does not show whether a larger window is safe
	case w.settled && queued < targetDelay/2:
		// Grow first by the size of the target queue, then faster in each round.
		least := float64(targetDelay/2) / float64(max(w.base, 1))
		w.growth = min(max(2*w.growth, least), maxGrowth)
		size += max(1, size*w.growth)
	}
	w.size = min(max(size, w.min()), max(w.max(), w.min()))
}
