package ohce

import (
	"strings"
	"time"

	"github.com/ohce/ohce/internal/exchange"
)

// A Retry is a schedule of attempts. It determines how often a request is sent and how long each
// attempt waits for a response. The zero value is the schedule of [LinearRetry]. A Retry may be
// copied.
type Retry struct {
	waits  []time.Duration // nil: linearWaits
	budget time.Duration   // 0 if the schedule is not adaptive
}

// linearWaits are the waits of LinearRetry.
var linearWaits = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond,
	400 * time.Millisecond, 500 * time.Millisecond,
}

// LinearRetry returns the default schedule: up to five attempts, which wait 0.1, 0.2, 0.3, 0.4 and
// 0.5 s. A server that does not respond counts as down after 1.5 s. The schedule is meant for
// networks with short round trips. If the round-trip time is not known, RFC 8085, section 3.1.1,
// recommends an initial wait of one second.
func LinearRetry() Retry { return Retry{} }

// RetryAfter returns a schedule with one attempt for each element of waits. The attempt waits for
// that time. After a wait of zero or less, the next attempt follows at once. Without arguments,
// RetryAfter returns the schedule of LinearRetry.
func RetryAfter(waits ...time.Duration) Retry {
	return Retry{waits: append([]time.Duration(nil), waits...)}
}

// AdaptiveRetry returns a schedule that adapts to the round-trip time of the server. A [Client]
// measures the round-trip time of each server in exchanges with one attempt, and keeps the smoothed
// value and its variation (RFC 6298, sections 2 and 3).
//
// The first attempt waits for the resulting retransmission timeout, at least 50 ms. Before the
// first measurement, it waits for one second. Each further attempt waits √2 times as long, up to an
// eighth of budget or the retransmission timeout, whichever is longer. Each wait is extended by up
// to a tenth at random, so that clients do not retransmit at the same time. If nothing is lost and
// the round-trip time is steady, each request is sent once.
//
// The exchange ends after budget. If budget is zero or negative, it is 1.5 s, as with LinearRetry.
// An attempt whose response could not arrive within the budget is not made. If nothing arrives and no
// round-trip time is known, there are two attempts within 1.5 s, and about five within 5 s.
//
// Because of the random part, tests that compare times should use RetryAfter.
func AdaptiveRetry(budget time.Duration) Retry {
	if budget <= 0 {
		budget = adaptiveBudget
	}
	return Retry{budget: budget}
}

// adaptiveBudget is the default budget of AdaptiveRetry.
const adaptiveBudget = 1500 * time.Millisecond

// Attempts returns the largest number of attempts that the schedule allows.
func (r Retry) Attempts() int { return r.schedule().Attempts() }

// Wait returns how long an attempt waits for a response. Attempts are numbered from 1. For
// AdaptiveRetry, Wait returns the budget, which is the upper limit of each wait. For an attempt
// outside the schedule, it returns 0.
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

// Budget returns the time after which an exchange without a response ends. For AdaptiveRetry it is
// the argument of that function, otherwise the sum of all waits.
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

// String returns the waits separated by commas, as in "100ms,200ms". For AdaptiveRetry, it returns
// "adaptive," and the budget.
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

// schedule returns the schedule for a machine.
func (r Retry) schedule() exchange.Schedule {
	if r.budget > 0 {
		return exchange.Schedule{Budget: r.budget}
	}
	return exchange.Schedule{Waits: r.list()}
}
