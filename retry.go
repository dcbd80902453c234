package ohce

import (
	"strings"
	"time"

	"github.com/ohce/ohce/internal/exchange"
)

// A Retry is a schedule of attempts: how often a request is sent, and how long each attempt waits
// for a response. The zero value is that of [LinearRetry]. It may be copied and shared.
type Retry struct {
	waits  []time.Duration // nil: linearWaits
	budget time.Duration   // of an adaptive schedule, otherwise 0
}

// linearWaits are the waits of LinearRetry.
var linearWaits = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond,
	400 * time.Millisecond, 500 * time.Millisecond,
}

// LinearRetry returns the default schedule: up to five attempts, which wait 0.1, 0.2, 0.3, 0.4 and
// 0.5 s, so that a server counts as down after 1.5 s. Use it on networks with short round trips. If the
// round-trip time is unknown, RFC 8085, section 3.1.1, recommends an initial wait of one second.
func LinearRetry() Retry { return Retry{} }

// RetryAfter returns a schedule with one attempt for each of waits, which waits that long. After a
// wait of zero or less the next attempt follows at once. Without waits it is that of LinearRetry.
func RetryAfter(waits ...time.Duration) Retry {
	return Retry{waits: append([]time.Duration(nil), waits...)}
}

// AdaptiveRetry returns a schedule that follows the round-trip time of the server. A [Client] keeps
// the smoothed round-trip time of each server and its variation, from all exchanges that needed one
// attempt (RFC 6298, with Karn's rule). The first attempt waits for the retransmission timeout that
// results from them: at least 50 ms, and one second before anything has been measured. Each further
// attempt waits longer by the square root of two, up to an eighth of budget or the timeout itself,
// and up to a tenth longer at random, so that clients do not retransmit at the same time. Without
// loss no request is sent twice.
//
// The exchange ends after budget. 0 or less means 1.5 s, the budget of LinearRetry. An attempt that
// could not be answered within the budget is not made.
func AdaptiveRetry(budget time.Duration) Retry {
	if budget <= 0 {
		budget = adaptiveBudget
	}
	return Retry{budget: budget}
}

// adaptiveBudget is the budget of AdaptiveRetry(0).
const adaptiveBudget = 1500 * time.Millisecond

// Attempts is the largest number of times a request is sent.
func (r Retry) Attempts() int { return r.schedule().Attempts() }

// Wait returns how long the given attempt waits for a response; the first attempt is 1. For
// AdaptiveRetry it is the whole budget, the longest that a wait can be. Outside 1..Attempts it is
// 0.
func (r Retry) Wait(attempt int) time.Duration {
	switch {
	case attempt < 1 || attempt > r.Attempts():
		return 0
	case r.budget > 0:
		return r.budget
	default:
		return r.list()[attempt-1]
	}
}

// Budget returns the time after which an exchange without a response ends: the sum of all waits.
func (r Retry) Budget() time.Duration {
	if r.budget > 0 {
		return r.budget
	}
	var sum time.Duration
	for _, w := range r.list() {
		sum += max(w, 0)
	}
	return sum
}

// String lists the waits, as in "100ms,200ms". An adaptive schedule is "adaptive," and its budget.
func (r Retry) String() string {
	if r.budget > 0 {
		return "adaptive," + r.budget.String()
	}
	var b strings.Builder
	for i, w := range r.list() {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(w.String())
	}
	return b.String()
}

func (r Retry) list() []time.Duration {
	if len(r.waits) == 0 {
		return linearWaits
	}
	return r.waits
}

// schedule is the schedule of a machine.
func (r Retry) schedule() exchange.Schedule {
	if r.budget > 0 {
		return exchange.Schedule{Budget: r.budget}
	}
	return exchange.Schedule{Waits: r.list()}
}
