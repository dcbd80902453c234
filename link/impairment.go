package link

import (
	"fmt"
	"strconv"
	"time"
)

// headers is what IPv4 and UDP add to a datagram's content, in bytes (RFC 791, RFC 768).
const headers = 28

// An Impairment is what one direction does to datagrams. Its zero value does nothing. They meet, in
// this order: the black hole, the MTU, loss, rate and queue, truncation and corruption, delay,
// duplication.
type Impairment struct {
	// BlackHole swallows everything.
	BlackHole bool
	// MTU is the longest packet that passes, in bytes, the 28 of IPv4 and UDP included. Longer ones
	// vanish without a word. 0 is no limit.
	MTU int
	// Loss loses datagrams.
	Loss Loss
	// Rate is how many bits a second leave, the 28 bytes of IPv4 and UDP included. 0 is no limit.
	Rate int64
	// Queue is how many datagrams may wait to leave; what comes then is dropped. 0 is no limit. Without
	// a Rate nothing waits.
	Queue int
	// Truncate is the share of datagrams that are cut to a random shorter length.
	Truncate float64
	// Corrupt is the share of datagrams that get one bit flipped.
	Corrupt float64
	// Delay is how long datagrams take, besides the time in the queue.
	Delay Delay
	// Duplicate is the share of datagrams that arrive twice, each after a delay of its own.
	Duplicate float64
	// RebindEvery gives the sender another port with each so many datagrams. 0 is never.
	RebindEvery int
}

// A Loss is a model of Gilbert and Elliott: a good and a bad state, each with a share of loss, and the
// probabilities, for each datagram, to change between them. Its zero value loses nothing.
type Loss struct {
	Good, Bad     float64 // the share lost in each state
	ToBad, ToGood float64 // the probability to leave the other one
}

// RandomLoss loses a share of the datagrams, each independently of the others.
func RandomLoss(share float64) Loss { return Loss{Good: share} }

// BurstLoss loses a share of the datagrams in bursts that have a mean length in datagrams: in the bad
// state everything is lost, in the good one nothing (Gilbert, 1960). A share of 1 and a length of less
// than 1 cannot be, and Check says so.
func BurstLoss(share, length float64) Loss {
	return Loss{Bad: 1, ToGood: 1 / length, ToBad: share / (1 - share) / length}
}

// Share is the share that is lost in the long run.
func (l Loss) Share() float64 {
	if l.ToBad == 0 {
		return l.Good
	}
	bad := l.ToBad / (l.ToBad + l.ToGood)
	return bad*l.Bad + (1-bad)*l.Good
}

// A Delay is how long datagrams take. Its zero value is no time at all.
type Delay struct {
	// Base is the delay without jitter.
	Base time.Duration
	// Jitter is what comes to it: for Uniform at most so much more or less, for Normal the standard
	// deviation, for Pareto the mean of what is added. What would be less than nothing is nothing.
	Jitter time.Duration
	// Shape is how jitter is distributed.
	Shape Shape
	// InOrder makes a datagram that would overtake another one arrive together with it.
	InOrder bool
}

// A Shape is a distribution.
type Shape uint8

// The shapes.
const (
	Uniform Shape = iota
	Normal
	Pareto // a heavy tail: most take little more than the base, a few very much
	shapes
)

var shapeNames = [shapes]string{"uniform", "normal", "pareto"}

// String is the shape's name in lower case.
func (s Shape) String() string {
	if s < shapes {
		return shapeNames[s]
	}
	return "unknown"
}

// MarshalText is String.
func (s Shape) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name.
func (s *Shape) UnmarshalText(text []byte) error {
	for i, name := range shapeNames {
		if name == string(text) {
			*s = Shape(i)
			return nil
		}
	}
	return fmt.Errorf("shape %q is none of uniform, normal, pareto", text)
}

// A FieldError is a value that makes no sense.
type FieldError struct {
	Field string // such as "up.loss.good"
	Value string
	Want  string
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s is %s: %s", e.Field, e.Value, e.Want) }

// Check reports the first value that makes no sense, as a *FieldError.
func (i *Impairment) Check() error { return i.check("") }

func (i *Impairment) check(prefix string) error {
	if prefix != "" {
		prefix += "."
	}
	for _, p := range []struct {
		name  string
		value float64
	}{
		{"loss.good", i.Loss.Good}, {"loss.bad", i.Loss.Bad}, {"loss.to_bad", i.Loss.ToBad},
		{"loss.to_good", i.Loss.ToGood}, {"truncate", i.Truncate}, {"corrupt", i.Corrupt},
		{"duplicate", i.Duplicate},
	} {
		if !(p.value >= 0 && p.value <= 1) { // NaN is neither
			return &FieldError{prefix + p.name, strconv.FormatFloat(p.value, 'g', -1, 64), "must be from 0 to 1"}
		}
	}
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"mtu", int64(i.MTU)}, {"rate", i.Rate}, {"queue", int64(i.Queue)},
		{"rebind_every", int64(i.RebindEvery)},
	} {
		if n.value < 0 {
			return &FieldError{prefix + n.name, strconv.FormatInt(n.value, 10), "must not be negative"}
		}
	}
	for _, t := range []struct {
		name  string
		value time.Duration
	}{{"delay.base", i.Delay.Base}, {"delay.jitter", i.Delay.Jitter}} {
		if t.value < 0 {
			return &FieldError{prefix + t.name, t.value.String(), "must not be negative"}
		}
	}
	if i.Delay.Shape >= shapes {
		return &FieldError{prefix + "delay.shape", strconv.Itoa(int(i.Delay.Shape)), "is no shape"}
	}
	return nil
}

func phaseName(i int) string { return fmt.Sprintf("schedule[%d]", i) }

// Stats are what a direction has done. Seen = BlackHoled + TooLong + Lost + Overflow + Delivered.
type Stats struct {
	// Seen counts the datagrams that came, Delivered those that went on, whatever else happened to them.
	Seen, Delivered uint64
	// BlackHoled, TooLong, Lost and Overflow count those that did not: swallowed, longer than the MTU, lost
	// at random, without room in the queue.
	BlackHoled, TooLong, Lost, Overflow uint64
	// Truncated, Corrupted and Duplicated count those that this happened to; Reordered, arrivals, copies
	// included, that overtook one; Rebound, changes of the sender's port.
	Truncated, Corrupted, Duplicated, Reordered, Rebound uint64
}
