package exchange

import "time"

// The parameters of a Breaker.
const (
	// failureThreshold is the number of consecutive exchanges without a response that open the
	// circuit.
	failureThreshold = 8
	// openTime is how long the circuit stays open after the last failure.
	openTime = time.Second
)

// A State is the state of a circuit breaker.
type State uint8

const (
	// Closed means that requests are sent.
	Closed State = iota
	// Open means that requests end without being sent.
	Open
	// HalfOpen means that one request is sent to find out whether the server answers again.
	HalfOpen
)

// A Breaker is a circuit breaker. While a server answers no requests, it prevents a stream from
// waiting for the whole schedule of each one. An exchange counts as failed if no response to any
// request arrived while its last attempt waited.
//
// A Breaker also distinguishes an outage from a server that was down from the start. If the server
// has answered before, requests without a response are parked for up to Patience after the last
// response, and sent again when the server answers.
//
// The zero value is a closed circuit without patience.
type Breaker struct {
	// Patience is how long a stream waits for a silent server, counted from its last response. If
	// zero, it does not wait.
	Patience time.Duration
	// InFlight is the largest number of requests in flight. If it is less than eight, that many
	// unanswered requests count as an outage. If zero, there is no limit.
	InFlight int
	// Disabled keeps the circuit closed.
	Disabled bool

	failures int       // consecutive
	failed   time.Time // when the last of them ended
	answered time.Time // when the last response arrived; zero: never
}

// Answered records that a response arrived at now.
func (b *Breaker) Answered(now time.Time) { b.failures, b.answered = 0, now }

// Failed records that an exchange got no response. start is the time of its first attempt, and
// unanswered is as for ShouldPark. Failed has no effect if the server has answered since start,
// unless the unanswered requests are an outage.
func (b *Breaker) Failed(unanswered uint64, start, now time.Time) {
	if b.Disabled || b.answeredSince(start) && unanswered < b.threshold() {
		return
	}
	b.failures++
	b.failed = now
}

// threshold returns the number of unanswered requests that count as an outage.
func (b *Breaker) threshold() uint64 {
	if b.InFlight > 0 {
		return uint64(min(b.InFlight, failureThreshold))
	}
	return failureThreshold
}

// answeredSince reports whether a response arrived at t or later.
func (b *Breaker) answeredSince(t time.Time) bool {
	return !b.answered.IsZero() && !b.answered.Before(t)
}

// ShouldPark reports whether a request without a response is kept until the end of an outage. sent
// is the time of its last attempt. unanswered is the number of requests first sent after the latest
// one that was answered. A server may ignore a few requests, but many unanswered ones are an
// outage.
func (b *Breaker) ShouldPark(unanswered uint64, sent, now time.Time) bool {
	return b.Patient(now) && unanswered >= b.threshold() && !b.answeredSince(sent)
}

// PatienceEnd returns the time at which the patience with a silent server ends.
func (b *Breaker) PatienceEnd() time.Time { return b.answered.Add(b.Patience) }

// Patient reports whether the server has answered before and the patience with it has not ended.
func (b *Breaker) Patient(now time.Time) bool {
	return !b.answered.IsZero() && now.Before(b.PatienceEnd())
}

// HalfOpenTime returns the time at which an open circuit becomes half-open.
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
