package exchange

import (
	"math"
	"time"
)

// The parameters of an adaptive schedule.
const (
	backoffFactor = math.Sqrt2 // each timeout is longer than the one before by this factor
	maxWaitShare  = 8          // a timeout is at most the budget divided by this, or the RTO itself
	maxJitter     = 0.1        // the share by which a timeout is longer at random, at most
)

// A Schedule says how often a request is sent and how long each attempt waits. It is either a list
// or adaptive. The zero value makes no attempt.
type Schedule struct {
	// Waits is how long each attempt waits. After a wait of zero or less the next attempt is due at
	// once.
	Waits []time.Duration
	// Budget, if positive, makes the schedule adaptive: each attempt waits for the retransmission
	// timeout of the server's Estimator, backed off; after Budget the exchange ends.
	Budget time.Duration
}

// Attempts is the largest number of attempts that the schedule can make.
func (s Schedule) Attempts() int {
	if s.Budget <= 0 {
		return len(s.Waits)
	}
	n := 0
	for elapsed := time.Duration(0); ; n++ {
		wait, ok := s.timeout(n+1, elapsed, minRTO, 0, 1)
		if !ok {
			return n
		}
		elapsed += wait
	}
}

// timeout returns how long an attempt waits that is made elapsed after the first one, or false if
// the schedule has no such attempt. rto and srtt come from an Estimator; jitter is at least 1.
func (s Schedule) timeout(attempt int, elapsed, rto, srtt time.Duration, jitter float64) (
	wait time.Duration, ok bool) {
	if s.Budget <= 0 {
		if attempt > len(s.Waits) {
			return 0, false
		}
		return max(s.Waits[attempt-1], 0), true
	}
	left := s.Budget - elapsed
	if left <= 0 {
		return 0, false
	}
	longest := float64(max(rto, s.Budget/maxWaitShare))
	next := min(float64(rto)*math.Pow(backoffFactor, float64(attempt-1)), longest) * jitter
	wait = time.Duration(min(next, float64(s.Budget)))
	if left-wait < max(srtt, clockGranularity) {
		wait = left // a further attempt could not be answered in time
	}
	return wait, true
}
