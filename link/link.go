// Package link models a bad network. A [Link] decides for each datagram whether it arrives, when,
// how often and with which content.
//
// The package opens no sockets and reads no clock: the caller passes the time. The same model
// therefore works in tests with simulated time and in a relay between real sockets.
//
// # Use
//
// A Link has two directions, up for requests and down for responses, each with an [Impairment].
// [Link.PassUp] and [Link.PassDown] take a datagram and the time since the link began, and append
// its arrivals to a slice.
//
// # Reproducible runs
//
// The fate of the n-th datagram of a direction depends on the seed, on n and on the impairment. It
// depends on the time only if the impairment has a rate or the link has a schedule. Each decision
// draws its own random number: a change of the loss does not change which datagrams are duplicated.
//
// # Text and JSON
//
// An Impairment is written as a list such as "loss=10% delay=50ms±20ms", or as a JSON object with
// the same names and values. See [Impairment.UnmarshalText] for the names.
//
// # Concurrency
//
// A Link must not be used by several goroutines at once.
package link

import (
	"fmt"
	"time"
)

// A Link is a seeded pair of directions with a schedule. Its fields must not be changed after the
// first datagram; use Set and SetSchedule instead. The zero value passes every datagram unchanged and without
// delay.
type Link struct {
	// Seed determines every random decision.
	Seed uint64
	// Up applies to requests and Down to responses, until Set or the schedule replaces them.
	Up, Down Impairment
	// Schedule replaces both impairments at given times. It is sorted by time. nil replaces
	// nothing.
	Schedule []Phase

	up, down direction
	begun    bool
	phases   int           // number of phases of the schedule that have begun
	restart  bool          // the schedule begins with the next datagram
	origin   time.Duration // time at which the schedule began
}

// A Phase is an entry of a schedule: the impairments from a given time on.
type Phase struct {
	At       time.Duration // since the schedule began; must not be negative
	Up, Down Impairment
}

// Check returns a *FieldError for the first field with an invalid value, or nil.
func (l *Link) Check() error {
	if err := checkBoth("", &l.Up, &l.Down); err != nil {
		return err
	}
	var last time.Duration
	for i := range l.Schedule {
		p := &l.Schedule[i]
		name := fmt.Sprintf("schedule[%d].", i)
		if p.At < last {
			return &FieldError{name + "at", p.At.String(), "must not be before the preceding phase"}
		}
		last = p.At
		if err := checkBoth(name, &p.Up, &p.Down); err != nil {
			return err
		}
	}
	return nil
}

func checkBoth(prefix string, up, down *Impairment) error {
	if err := up.check(prefix + "up."); err != nil {
		return err
	}
	return down.check(prefix + "down.")
}

// PassUp passes a request that was sent at the given time since the link began, and appends its
// arrivals to dst: none if the request is lost, two if it is duplicated. The times of consecutive
// calls of PassUp and PassDown must not decrease. PassUp keeps neither dst nor data.
func (l *Link) PassUp(dst []Arrival, at time.Duration, data []byte) []Arrival {
	l.advance(at)
	return l.up.pass(dst, at, data)
}

// PassDown passes a response, as PassUp passes a request.
func (l *Link) PassDown(dst []Arrival, at time.Duration, data []byte) []Arrival {
	l.advance(at)
	return l.down.pass(dst, at, data)
}

// Set replaces both impairments. Datagrams in the queue of a rate stay there, and later phases of
// the schedule still take effect.
func (l *Link) Set(up, down Impairment) {
	l.begin()
	l.up.impairment, l.down.impairment = up, down
}

// SetSchedule replaces the schedule. The times of the new one count from the next datagram on. The
// impairments in effect stay until its first phase begins. Check reports invalid phases.
func (l *Link) SetSchedule(phases []Phase) {
	l.Schedule, l.phases, l.restart = phases, 0, true
}

// Current returns the impairments in effect.
func (l *Link) Current() (up, down Impairment) {
	l.begin()
	return l.up.impairment, l.down.impairment
}

// Stats returns the counters of both directions.
func (l *Link) Stats() (up, down Stats) { return l.up.stats, l.down.stats }

func (l *Link) begin() {
	if l.begun {
		return
	}
	l.begun = true
	l.up = direction{seed: mix(l.Seed), impairment: l.Up}
	l.down = direction{seed: mix(l.Seed + 1), impairment: l.Down}
}

// advance applies the phases that begin at or before the given time.
func (l *Link) advance(at time.Duration) {
	l.begin()
	if l.restart {
		l.restart, l.origin = false, at
	}
	for l.phases < len(l.Schedule) && l.Schedule[l.phases].At <= at-l.origin {
		p := &l.Schedule[l.phases]
		l.Set(p.Up, p.Down)
		l.phases++
	}
}

// An Arrival is a datagram that leaves a link at its far end.
type Arrival struct {
	// After is the time from the call of PassUp or PassDown to the arrival. It is never negative.
	After time.Duration
	// Data is the content. It is the slice that was passed in or a part of it, unless the link
	// flipped a bit: then it is a copy.
	Data []byte
	// Rebind reports that the sender has a new port from this datagram on, as if an address
	// translator had lost its mapping.
	Rebind bool
}
