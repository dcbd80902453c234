package ohce

import (
	"strings"
	"time"
)

// A Retry is a schedule of attempts: how often a request is sent, and how long an answer is waited
// for after each time. The zero value is [SeedRetry]. It may be copied and shared.
type Retry struct {
	waits []time.Duration // nil: seedWaits
}

// seedWaits are the waits of the client that this project grew from: it begins at a tenth of a
// second, adds a tenth after each silence, and gives up past half a second.
var seedWaits = []time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond,
	400 * time.Millisecond, 500 * time.Millisecond,
}

// SeedRetry sends up to five times and waits 0.1, 0.2, 0.3, 0.4 and 0.5 s, so that a server is known
// to be down after 1.5 s. It is quick and meant for networks one knows; RFC 8085, section 3.1.1, asks
// for a second and more where the round-trip time is not known.
func SeedRetry() Retry { return Retry{} }

// RetryAfter sends once for each of waits and waits that long for the answer each time. After a wait
// of zero or less the next attempt is due at once. Without waits it is SeedRetry.
func RetryAfter(waits ...time.Duration) Retry {
	return Retry{waits: append([]time.Duration(nil), waits...)}
}

// Attempts is how often a request is sent at most.
func (r Retry) Attempts() int { return len(r.list()) }

// Wait is how long an answer to the given attempt is waited for; the first attempt is 1. Outside
// 1..Attempts it is 0.
func (r Retry) Wait(attempt int) time.Duration {
	waits := r.list()
	if attempt < 1 || attempt > len(waits) {
		return 0
	}
	return waits[attempt-1]
}

// Budget is the time after which an exchange without an answer ends: the sum of all waits.
func (r Retry) Budget() time.Duration {
	var sum time.Duration
	for _, w := range r.list() {
		sum += max(w, 0)
	}
	return sum
}

// String lists the waits: "100ms,200ms".
func (r Retry) String() string {
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
		return seedWaits
	}
	return r.waits
}
