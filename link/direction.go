package link

import (
	"bytes"
	"cmp"
	"math"
	"time"
)

// A direction is the state of one direction of a Link.
type direction struct {
	seed       uint64
	impairment Impairment
	n          uint64 // datagrams so far
	bad        bool   // state of the loss model
	free       time.Duration
	queue      []time.Duration // departure times of the datagrams in the queue, sorted
	last       time.Duration   // latest arrival so far
	stats      Stats
}

// pass is Link.PassUp for one direction.
func (d *direction) pass(dst []Arrival, at time.Duration, data []byte) []Arrival {
	d.n++
	d.stats.Seen++
	i := &d.impairment
	switch {
	case i.BlackHole:
		d.stats.BlackHoled++
		return dst
	case i.MTU > 0 && len(data)+headers > i.MTU:
		d.stats.TooLong++
		return dst
	case d.lost():
		d.stats.Lost++
		return dst
	}
	wait, ok := d.transmit(at, len(data))
	if !ok {
		d.stats.Overflow++
		return dst
	}
	first := Arrival{Data: d.damage(data), After: d.arrive(at, wait, chanceDelay)}
	if i.RebindEvery > 0 && d.n%uint64(i.RebindEvery) == 0 {
		first.Rebind = true
		d.stats.Rebound++
	}
	d.stats.Delivered++
	dst = append(dst, first)
	if d.happens(chanceDuplicate, i.Duplicate) {
		d.stats.Duplicated++
		dst = append(dst, Arrival{Data: first.Data, After: d.arrive(at, wait, chanceDelayOfCopy)})
	}
	return dst
}

// lost advances the state of the loss model and reports whether the datagram is lost. The datagram
// meets the new state.
func (d *direction) lost() bool {
	l := &d.impairment.Loss
	switch {
	case d.bad && d.happens(chanceState, l.ToGood):
		d.bad = false
	case !d.bad && d.happens(chanceState, l.ToBad):
		d.bad = true
	}
	if d.bad {
		return d.happens(chanceLoss, l.Bad)
	}
	return d.happens(chanceLoss, l.Good)
}

// maxWait is the longest wait in a queue.
const maxWait = 1000 * time.Hour

// transmit queues a datagram of size bytes and returns the time until it has left. It reports false
// if the queue has no room.
func (d *direction) transmit(at time.Duration, size int) (wait time.Duration, ok bool) {
	i := &d.impairment
	if i.Rate <= 0 {
		return 0, true
	}
	for len(d.queue) > 0 && d.queue[0] <= at {
		d.queue = d.queue[1:]
	}
	// The first one is being sent; the others wait.
	if len(d.queue) > cmp.Or(i.Queue, DefaultQueue) {
		return 0, false
	}
	bits := float64(size+headers) * 8
	free := max(d.free, at) + time.Duration(bits/float64(i.Rate)*float64(time.Second))
	if free-at > maxWait {
		return 0, false
	}
	d.free = free
	d.queue = append(d.queue, free)
	return free - at, true
}

// arrive returns the time until one copy of a datagram arrives. If the impairment keeps the order,
// the copy arrives no earlier than the ones before it.
func (d *direction) arrive(at, wait time.Duration, c chance) time.Duration {
	after := wait + d.delay(c)
	switch {
	case at+after >= d.last:
		d.last = at + after
	case d.impairment.Delay.InOrder:
		after = d.last - at
	default:
		d.stats.Reordered++
	}
	return after
}

// delay draws the delay of one copy.
func (d *direction) delay(c chance) time.Duration {
	s := &d.impairment.Delay
	if s.Jitter == 0 {
		return s.Base
	}
	u := d.draw(c)
	var x float64 // in units of Jitter
	switch s.Shape {
	case Uniform:
		x = 2*u - 1
	case Normal:
		// The Box-Muller transform (1958).
		x = math.Sqrt(-2*math.Log(1-u)) * math.Cos(2*math.Pi*d.draw(c+chanceSecond))
	case Pareto:
		// The Lomax distribution; with this shape and scale its mean is 1.
		x = 2 * (math.Pow(1-u, -1.0/paretoShape) - 1)
	}
	return max(0, s.Base+time.Duration(min(x, maxJitters)*float64(s.Jitter)))
}

// With paretoShape the tail is heavy but has a mean and a variance. maxJitters bounds the tail.
const (
	paretoShape = 3.0
	maxJitters  = 1000
)

// damage returns data, or a truncated or corrupted version of it.
func (d *direction) damage(data []byte) []byte {
	if len(data) == 0 {
		return data
	}
	if d.happens(chanceTruncate, d.impairment.Truncate) {
		d.stats.Truncated++
		data = data[:int(d.draw(chanceLength)*float64(len(data)))]
	}
	if len(data) > 0 && d.happens(chanceCorrupt, d.impairment.Corrupt) {
		d.stats.Corrupted++
		data = bytes.Clone(data)
		bit := int(d.draw(chanceBit) * float64(8*len(data)))
		data[bit/8] ^= 1 << (bit % 8)
	}
	return data
}
