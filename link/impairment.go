package link

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// headers is the number of bytes that IPv4 and UDP add to a datagram (RFC 791, RFC 768).
const headers = 28

const wantMTU = "must be at least 28, because IPv4 and UDP add 28 bytes to each datagram"

// The largest valid values. With maxDelay no sum of delays overflows a time.Duration.
const (
	maxCount = math.MaxInt32
	maxQueue = 1_000_000
	maxRate  = 1<<62 - 1 // bits per second
	maxDelay = time.Hour
)

// DefaultQueue is the length of the queue in datagrams if Impairment.Queue is 0. It is the default
// queue length of Linux network interfaces.
const DefaultQueue = 1000

// An Impairment describes what one direction of a link does to datagrams. The zero value does
// nothing.
//
// A datagram meets the impairments in this order: black hole, MTU, loss, rate and queue, truncation
// and corruption, delay, duplication.
type Impairment struct {
	// BlackHole drops every datagram.
	BlackHole bool
	// MTU is the length in bytes of the longest packet that passes, including 28 bytes for IPv4 and
	// UDP. Longer packets are dropped silently. 0 means no limit; other values must be at least 28;
	// with 28, only empty datagrams pass.
	MTU int
	// Loss drops datagrams at random.
	Loss Loss
	// Rate limits the throughput in bits per second, counting 28 bytes for IPv4 and UDP. 0 means no
	// limit. The link drops a datagram that would have to wait longer than 1,000 hours.
	Rate int64
	// Queue is the number of datagrams that may wait for the rate; the link drops further ones. 0
	// means DefaultQueue, and the largest value is 1,000,000. Without a Rate, no datagram waits.
	Queue int
	// Truncate is the share of datagrams that are cut to a random shorter length, from 0 to 1.
	Truncate float64
	// Corrupt is the share of datagrams with one flipped bit, from 0 to 1.
	Corrupt float64
	// Delay is the time to the arrival, in addition to the time in the queue.
	Delay Delay
	// Duplicate is the share of datagrams that arrive twice, from 0 to 1. Each copy has its own
	// delay.
	Duplicate float64
	// RebindEvery gives the sender a new port with every RebindEvery-th datagram. 0 means never.
	RebindEvery int
}

// A FieldError reports an invalid value of a field.
type FieldError struct {
	Field string // for example "up.loss.good"
	Value string // "" if there is no such field
	Want  string // for example "must be from 0 to 1"
}

func (e *FieldError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("unknown field %s: %s", e.Field, e.Want)
	}
	return fmt.Sprintf("%s is %s: %s", e.Field, e.Value, e.Want)
}

// Check returns a *FieldError for the first field with an invalid value, or nil.
func (i *Impairment) Check() error { return i.check("") }

// check is Check with a prefix for the name of the field, such as "up.".
func (i *Impairment) check(prefix string) error {
	for _, p := range []struct {
		name  string
		value float64
	}{
		{"loss.good", i.Loss.Good}, {"loss.bad", i.Loss.Bad}, {"loss.to_bad", i.Loss.ToBad},
		{"loss.to_good", i.Loss.ToGood}, {"truncate", i.Truncate}, {"corrupt", i.Corrupt},
		{"duplicate", i.Duplicate},
	} {
		if !(p.value >= 0 && p.value <= 1) { // also rejects NaN
			return &FieldError{prefix + p.name, formatFloat(p.value), "must be from 0 to 1"}
		}
	}
	if i.MTU > 0 && i.MTU < headers {
		return &FieldError{prefix + "mtu", strconv.Itoa(i.MTU), wantMTU}
	}
	for _, n := range []struct {
		name         string
		value, limit int64
	}{
		{"mtu", int64(i.MTU), maxCount}, {"rate", i.Rate, maxRate}, {"queue", int64(i.Queue), maxQueue},
		{"rebind_every", int64(i.RebindEvery), maxCount},
	} {
		if n.value < 0 || n.value > n.limit {
			return &FieldError{prefix + n.name, strconv.FormatInt(n.value, 10),
				fmt.Sprintf("must be from 0 to %d", n.limit)}
		}
	}
	for _, t := range []struct {
		name  string
		value time.Duration
	}{{"delay.base", i.Delay.Base}, {"delay.jitter", i.Delay.Jitter}} {
		if t.value < 0 || t.value > maxDelay {
			return &FieldError{prefix + t.name, t.value.String(), "must be from 0 to 1h"}
		}
	}
	if i.Delay.Shape >= shapes {
		return &FieldError{prefix + "delay.shape", i.Delay.Shape.String(), "must be " + shapeList()}
	}
	return nil
}
