package exchange

import (
	"math"
	"time"
)

// The parameters of an adaptive schedule.
const (
	backoffFactor = math.Sqrt2 // ratio of consecutive timeouts
	maxWaitShare  = 8          // limits a timeout to this part of the budget, or to the RTO if longer
	maxJitter     = 0.1        // the largest share that is added to a timeout at random
)

// A Schedule is a schedule of attempts. It is either a list of waits or adaptive. The zero value
// allows no attempt.
type Schedule struct {
	// Waits holds the wait of each attempt. After a wait of zero or less, the next attempt is due
	// at once.
	Waits []time.Duration
	// Budget, if positive, makes the schedule adaptive. Each attempt waits for the retransmission
	// timeout of the server's Estimator with backoff. The exchange ends after Budget.
	Budget time.Duration
}

// Attempts returns the largest number of attempts that the schedule allows.
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

// Timeouts returns how long each attempt waits in an exchange without a response. rto and srtt come
// from an Estimator. The random part of the waits of an adaptive schedule is left out.
func (s Schedule) Timeouts(rto, srtt time.Duration) (waits []time.Duration) {
	for elapsed := time.Duration(0); ; {
		wait, ok := s.timeout(len(waits)+1, elapsed, rto, srtt, 1)
		if !ok {
			return waits
		}
		waits = append(waits, wait)
		elapsed += wait
	}
}

// timeout returns how long an attempt waits that is made elapsed after the first one. It returns
// false if the schedule allows no such attempt. rto and srtt come from an Estimator. jitter is a
// factor of at least 1.
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
		wait = left // a response to a further attempt could not arrive in time
	}
	return wait, true
}
