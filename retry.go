package ohce

import (
	"strings"
	"time"

	"github.com/ohce/ohce/internal/exchange"
)

// A Retry is a schedule of attempts: how often a request is sent, and how long an answer is waited
// for after each time. The zero value is [LinearRetry]. It may be copied and shared.
type Retry struct {
	waits  []time.Duration // nil: linearWaits
	budget time.Duration   // of an adaptive one, else 0
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

// RetryAfter sends once for each of waits and waits that long for the answer each time. After a wait
// of zero or less the next attempt is due at once. Without waits it is LinearRetry.
func RetryAfter(waits ...time.Duration) Retry {
	return Retry{waits: append([]time.Duration(nil), waits...)}
}

// AdaptiveRetry waits as long as answers from this server take: a [Client] keeps the smoothed round trip
// and its variation for each server, from all its exchanges that needed one attempt (RFC 6298, with
// Karn's rule). A request is sent again after the retransmission timeout that follows from them, at
// least 50 ms and a second before anything is known; each further wait is longer by the square root of
// two, up to an eighth of the budget or the timeout itself, and up to a tenth longer by chance, so that
// clients do not stay in step. Where nothing is lost, nothing is sent twice.
//
// After the budget the server counts as down, however often it was asked; 0 or less is 1.5 s, that of
// LinearRetry. An attempt that could not be answered within the budget is not made.
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

// Wait is how long an answer to the given attempt is waited for; the first attempt is 1. Of
// AdaptiveRetry it is the whole budget, the longest it can be. Outside 1..Attempts it is 0.
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

// Budget is the time after which an exchange without an answer ends: the sum of all waits.
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

// String lists the waits: "100ms,200ms", or says "adaptive,1.5s", with the budget.
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
