package measure

import (
	"fmt"
	"time"
)

// A TrialResult is the result of a trial of a [RateSearch].
type TrialResult int

const (
	// TrialUnclear: the machine that sent the requests failed, so nothing is known about the server.
	TrialUnclear TrialResult = iota
	// TrialWithin: the server kept within the limits.
	TrialWithin
	// TrialTooHigh: the server did not keep within the limits.
	TrialTooHigh
)

// String returns a word such as "within the limits".
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
	// Loss is the largest share of requests without a right response in time: 0.001 is 0.1 %. A negative
	// one is 0.
	Loss float64
	// P99 is the largest 99th percentile of the latency. If not positive, there is no limit.
	P99 time.Duration
}

// Judge returns the result of a trial.
//
// A load that kept its rate and is within the limits counts even if the report is not trustworthy:
// late requests arrive in bursts, which are harder for the server than an even load, and the latency
// counts from the due times. A load that is not within the limits counts only if the failures of the
// machine that sent it do not explain that: even if each request that it sent too late had been
// answered in time, and each response that it dropped had been right, too many would be missing or slow.
func (l RateLimits) Judge(r *Report) TrialResult {
	most := max(l.Loss, 0) * float64(r.Sent)
	lost := r.Sent - r.Answered
	within := r.Answered > 0 && float64(lost) <= most && (l.P99 <= 0 || r.Latency.P99 <= l.P99)
	own := r.Own.Missed + r.Own.Overflow
	switch {
	case within && (r.Trustworthy || r.KeptRate()):
		return TrialWithin
	case within:
		return TrialUnclear
	case r.Trustworthy || float64(lost-own) > most || l.P99 > 0 && float64(r.slower(l.P99)-own) > 0.01*float64(r.Answered):
		return TrialTooHigh
	default:
		return TrialUnclear
	}
}

// slower returns the number of responses whose latency exceeds d: at least that many, because
// Percentiles has only some points of the distribution.
func (r *Report) slower(d time.Duration) int {
	for _, p := range r.Percentiles {
		if time.Duration(p.Value) > d {
			return r.Answered - p.Count
		}
	}
	return 0
}
