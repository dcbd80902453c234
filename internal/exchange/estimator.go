package exchange

import (
	"sync"
	"time"
)

const (
	// initialRTO is the retransmission timeout before a round trip has been measured (RFC 8085,
	// section 3.1.1; RFC 8961, section 4, requirement 1).
	initialRTO = time.Second
	// minRTO is the smallest retransmission timeout. RFC 6298 requires one second, for a protocol
	// that reduces its rate at each timeout. RFC 8961 sets no minimum. 50 ms is too short for a
	// person to notice, and long enough not to take the pauses of a busy machine for loss.
	minRTO = 50 * time.Millisecond
	// clockGranularity is the smallest variation term of the timeout (G in RFC 6298).
	clockGranularity = 10 * time.Millisecond
)

// An Estimator computes the smoothed round-trip time to a server and its variation (RFC 6298,
// section 2). The zero value has no measurement. An Estimator is safe for concurrent use.
type Estimator struct {
	mu           sync.Mutex
	srtt, rttvar time.Duration
}

// Sample adds a round-trip time. It must come from an exchange with one attempt (Karn's rule, RFC
// 6298, section 3).
func (e *Estimator) Sample(rtt time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.srtt == 0 {
		e.srtt, e.rttvar = max(rtt, 1), rtt/2
		return
	}
	e.rttvar += ((rtt - e.srtt).Abs() - e.rttvar) / 4
	e.srtt += (rtt - e.srtt) / 8
}

// Timeout returns the retransmission timeout and the smoothed round-trip time, which is 0 before
// the first sample.
func (e *Estimator) Timeout() (rto, srtt time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.srtt == 0 {
		return initialRTO, 0
	}
	return max(e.srtt+max(clockGranularity, 4*e.rttvar), minRTO), e.srtt
}
