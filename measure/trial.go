package measure

import (
	"fmt"
	"time"
)

// A TrialResult is the result of a trial of a [RateSearch].
type TrialResult int

const (
	// TrialUnclear: failures of the machine that sent the requests can explain the result.
	TrialUnclear TrialResult = iota
	// TrialWithin: the server kept within the limits.
	TrialWithin
	// TrialTooHigh: the server did not keep within the limits.
	TrialTooHigh
)

// String returns a text such as "within the limits".
func (r TrialResult) String() string {
	switch r {
	case TrialUnclear:
		return "unclear"
	case TrialWithin:
		return "within the limits"
	case TrialTooHigh:
		return "too high"
	default:
		return fmt.Sprintf("TrialResult(%d)", int(r))
	}
}

// RateLimits are the limits within which a server must keep.
type RateLimits struct {
	// Loss is the largest share of requests without a right response in time: 0.001 is 0.1 %. If it is
	// not positive, every request needs one.
	Loss float64
	// P99 is the largest 99th percentile of the latency. If not positive, there is no limit.
	P99 time.Duration
}

// Judge returns the result of a trial. A trial in which this machine failed can be clear, too:
//
//   - If the load kept its rate, a trial within the limits is [TrialWithin]. Requests that were late
//     arrived in bursts, and their latency counts from the due times. Judge assumes that bursts are not
//     easier for the server than an even load.
//   - If more requests are missing than this machine sent late or can have dropped the responses of, the
//     trial is [TrialTooHigh]. Judge assumes that a burst costs no more requests than were late.
//   - If the service time, less the delay until responses were read, exceeds P99 too, and the report is
//     trustworthy, the trial is [TrialTooHigh]. Otherwise bursts may have caused the latency.
//
// A trial that was interrupted with requests in flight is [TrialUnclear].
func (l RateLimits) Judge(r *Report) TrialResult {
	most := max(l.Loss, 0) * float64(r.Sent)
	missing := r.Sent - r.Answered
	few := r.Answered > 0 && float64(missing) <= most
	fast := l.P99 <= 0 || r.Latency.P99 <= l.P99
	slow := l.P99 > 0 && r.Service.P99-r.ReceiveDelay.P99 > l.P99
	switch {
	case r.InFlight > 0:
		return TrialUnclear
	case few && fast && (r.Trustworthy || r.KeptRate()):
		return TrialWithin
	case !few && float64(missing-r.explained()) > most, r.Trustworthy && slow, r.Asked == 0:
		return TrialTooHigh
	default:
		return TrialUnclear
	}
}

// maxJoined is the largest number of responses that the kernel joins with GRO (Linux 5.0), and then drops
// as one.
const maxJoined = 64

// explained returns the number of requests without a response in time that failures of this machine can
// explain.
func (r *Report) explained() int {
	named := r.Own.Missed + r.Own.Refused + r.Own.Overflow
	if !r.Trustworthy && float64(named) <= maxOwnFailures*float64(r.Asked) {
		return r.Sent // system calls failed, with unknown consequences
	}
	return r.Own.Missed + maxJoined*r.Own.Overflow
}
