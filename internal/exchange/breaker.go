package exchange

import "time"

// The parameters of a Breaker.
const (
	// failureThreshold is the number of exchanges in a row without a response that open the
	// circuit.
	failureThreshold = 8
	// openTime is how long an open circuit stays open after the last failure.
	openTime = time.Second
)

// A State is the state of a circuit breaker.
type State uint8

const (
	// Closed: requests are sent.
	Closed State = iota
	// Open: requests end at once.
	Open
	// HalfOpen: one request is sent to find out whether the server answers again.
	HalfOpen
)

// A Breaker is a circuit breaker: it keeps a stream from waiting for the whole schedule of request
// after request while the server answers none. An exchange counts as failed if no response to any
// request arrived while its last attempt waited.
//
// It also tells an outage from a server that was never there. If the server has answered before and
// then falls silent, the requests that fail are kept for up to Patience after the last response,
// and sent again when the server answers.
//
// The zero value is a closed circuit without patience.
type Breaker struct {
	// Patience is how long a stream waits for a silent server, from its last response. 0 means not at
	// all.
	Patience time.Duration
	// InFlight is the number of requests that can be in flight. If it is less than eight, so many
	// unanswered requests are an outage. 0 means no limit.
	InFlight int

	failures int       // in a row
	failed   time.Time // when the last of them ended
	answered time.Time // when the last response arrived; zero: never
}

// Answered notes a response.
func (b *Breaker) Answered(now time.Time) { b.failures, b.answered = 0, now }

// Failed notes that an exchange got no response. start is when its first attempt was made,
// unanswered as for Waits. It says nothing of the server if later requests were answered meanwhile.
func (b *Breaker) Failed(unanswered uint64, start, now time.Time) {
	if b.answeredSince(start) && unanswered < b.threshold() {
		return
	}
	b.failures++
	b.failed = now
}

// threshold is the number of unanswered requests that are an outage.
func (b *Breaker) threshold() uint64 {
	if b.InFlight > 0 {
		return uint64(min(b.InFlight, failureThreshold))
	}
	return failureThreshold
}

func (b *Breaker) answeredSince(t time.Time) bool {
	return !b.answered.IsZero() && !b.answered.Before(t)
}

// Waits reports whether a request that got no response to its last attempt, made at sent, is kept
// for the end of an outage. unanswered is the number of requests that were first sent after the
// latest one that has been answered. A few can be requests that the server does not answer; many
// are an outage.
func (b *Breaker) ShouldPark(unanswered uint64, sent, now time.Time) bool {
	return b.Patient(now) && unanswered >= b.threshold() && !b.answeredSince(sent)
}

// PatienceEnd is when the patience ends with a server that stays silent.
func (b *Breaker) PatienceEnd() time.Time { return b.answered.Add(b.Patience) }

// Patient reports whether the server has answered and the patience with it is not over.
func (b *Breaker) Patient(now time.Time) bool {
	return !b.answered.IsZero() && now.Before(b.PatienceEnd())
}

// HalfOpenTime is when an open circuit becomes half-open.
func (b *Breaker) HalfOpenTime() time.Time { return b.failed.Add(openTime) }

// State returns the state of the circuit.
func (b *Breaker) State(now time.Time) State {
	switch {
	case b.failures < failureThreshold:
		return Closed
	case now.Sub(b.failed) < openTime:
		return Open
	default:
		return HalfOpen
	}
}
