// Package link is a model of a bad network: it decides what becomes of each datagram on its way, and
// does nothing else. It opens no sockets and reads no clock, so the same model serves a test in fake
// time, a relay between real sockets, and a report about either.
//
// # Use
//
// A [Link] has two directions, each of which does what its [Impairment] says. [Direction.Pass] takes a
// datagram with the time since the link's beginning and returns what arrives and how much later.
//
// # The same again
//
// What happens to the n-th datagram of a direction depends on the seed, n and the impairment, and on
// the time only where a queue or a schedule says so. Each decision has random bits of its own: to change the
// loss does not change which datagrams are doubled. So a run can be repeated from its seed, in a test as
// on the wire.
//
// # Concurrency
//
// A Link is for one goroutine at a time.
package link

import (
	"bytes"
	"math"
	"time"
)

// A Link is a seeded pair of directions with a schedule. Its fields must not be changed once a
// datagram has passed; Set changes what it does.
type Link struct {
	// Seed decides everything that is left to chance.
	Seed uint64
	// Up is what happens to requests, Down what happens to their answers, from the beginning on.
	Up, Down Impairment
	// Schedule changes both at given times. It is in the order of the times; nil changes nothing.
	Schedule []Phase

	up, down Direction
	begun    bool
	phases   int // of the schedule that have begun
}

// A Phase is what a link does from some time on.
type Phase struct {
	At       time.Duration // since the link's beginning
	Up, Down Impairment
}

// Check reports the first value that makes no sense, as a *FieldError.
func (l *Link) Check() error {
	for _, side := range []struct {
		name string
		i    *Impairment
	}{{"up", &l.Up}, {"down", &l.Down}} {
		if err := side.i.check(side.name); err != nil {
			return err
		}
	}
	var last time.Duration
	for i := range l.Schedule {
		p := &l.Schedule[i]
		name := phaseName(i)
		if p.At < last {
			return &FieldError{name + ".at", p.At.String(), "must not be before the phase that precedes it"}
		}
		last = p.At
		if err := p.Up.check(name + ".up"); err != nil {
			return err
		}
		if err := p.Down.check(name + ".down"); err != nil {
			return err
		}
	}
	return nil
}

// PassUp lets a request pass that comes at a time since the link's beginning; see Direction.Pass.
func (l *Link) PassUp(dst []Arrival, at time.Duration, data []byte) []Arrival {
	l.advance(at)
	return l.up.Pass(dst, at, data)
}

// PassDown lets an answer pass.
func (l *Link) PassDown(dst []Arrival, at time.Duration, data []byte) []Arrival {
	l.advance(at)
	return l.down.Pass(dst, at, data)
}

// Set changes what the link does from now on. What is queued stays queued, and the schedule goes on.
func (l *Link) Set(up, down Impairment) {
	l.begin()
	l.up.set(up)
	l.down.set(down)
}

// Does is what the link does at the moment: Up and Down, or what Set or the schedule has made of them.
func (l *Link) Does() (up, down Impairment) {
	l.begin()
	return l.up.does, l.down.does
}

// Stats are what both directions have done so far.
func (l *Link) Stats() (up, down Stats) { return l.up.stats, l.down.stats }

func (l *Link) begin() {
	if l.begun {
		return
	}
	l.begun = true
	l.up, l.down = Direction{seed: mix(l.Seed)}, Direction{seed: mix(l.Seed + 1)}
	l.up.set(l.Up)
	l.down.set(l.Down)
}

// advance begins the phases whose time has come.
func (l *Link) advance(at time.Duration) {
	l.begin()
	for l.phases < len(l.Schedule) && l.Schedule[l.phases].At <= at {
		p := &l.Schedule[l.phases]
		l.up.set(p.Up)
		l.down.set(p.Down)
		l.phases++
	}
}

// An Arrival is a datagram that comes out of a link.
type Arrival struct {
	// After is how long it took.
	After time.Duration
	// Data is the content: that of the datagram which went in, not copied, or a changed copy.
	Data []byte
	// Rebind says that from this datagram on the sender has another port, as if an address translator
	// on the way had forgotten it.
	Rebind bool
}

// A Direction is one way of a link. A Link makes it.
type Direction struct {
	seed  uint64
	does  Impairment
	n     uint64 // datagrams so far
	bad   bool   // the state of bursts
	free  time.Duration
	queue []time.Duration // when those in the queue will have left, in order
	last  time.Duration   // the latest arrival so far
	stats Stats
}

func (d *Direction) set(i Impairment) { d.does = i }

// Pass lets a datagram pass that comes at a time since the link's beginning, not before the one that
// came last, and appends what arrives of it: nothing, or it, or two of it.
func (d *Direction) Pass(dst []Arrival, at time.Duration, data []byte) []Arrival {
	d.n++
	d.stats.Seen++
	i := &d.does
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
	first := Arrival{Data: d.change(data), After: d.arrive(at, wait, chanceDelay)}
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

// lost moves between the states of bursts and decides. The state changes before the datagram that it
// is the first to meet.
func (d *Direction) lost() bool {
	l := &d.does.Loss
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

// transmit queues a datagram for the rate, and returns how long it takes to have left.
func (d *Direction) transmit(at time.Duration, size int) (wait time.Duration, ok bool) {
	i := &d.does
	if i.Rate <= 0 {
		return 0, true
	}
	for len(d.queue) > 0 && d.queue[0] <= at {
		d.queue = d.queue[1:]
	}
	// The first of them is being sent; it is the others that queue.
	if i.Queue > 0 && len(d.queue) > i.Queue {
		return 0, false
	}
	bits := float64(size+headers) * 8
	d.free = max(d.free, at) + time.Duration(bits/float64(i.Rate)*float64(time.Second))
	d.queue = append(d.queue, d.free)
	return d.free - at, true
}

// arrive is how long a copy takes in all, and keeps the order where that is wanted.
func (d *Direction) arrive(at, wait time.Duration, c chance) time.Duration {
	after := wait + d.delay(c)
	switch {
	case at+after >= d.last:
		d.last = at + after
	case d.does.Delay.InOrder:
		after = d.last - at
	default:
		d.stats.Reordered++
	}
	return after
}

func (d *Direction) delay(c chance) time.Duration {
	s := &d.does.Delay
	if s.Jitter == 0 {
		return s.Base
	}
	u := d.draw(c)
	var x float64 // in jitters
	switch s.Shape {
	case Uniform:
		x = 2*u - 1
	case Normal:
		// Box and Muller, 1958.
		x = math.Sqrt(-2*math.Log(1-u)) * math.Cos(2*math.Pi*d.draw(c+chanceSecond))
	case Pareto:
		// Lomax: the tail of Pareto from zero on; with this shape its mean is one.
		x = 2 * (math.Pow(1-u, -1.0/paretoShape) - 1)
	}
	return max(0, s.Base+time.Duration(min(x, mostJitters)*float64(s.Jitter)))
}

// paretoShape makes a tail that is heavy and still has a mean and a variance; mostJitters bounds it.
const (
	paretoShape = 3.0
	mostJitters = 1000
)

// change returns data or a changed copy.
func (d *Direction) change(data []byte) []byte {
	if len(data) == 0 {
		return data
	}
	if d.happens(chanceTruncate, d.does.Truncate) {
		d.stats.Truncated++
		data = data[:int(d.draw(chanceWhere)*float64(len(data)))]
	}
	if len(data) > 0 && d.happens(chanceCorrupt, d.does.Corrupt) {
		d.stats.Corrupted++
		data = bytes.Clone(data)
		bit := int(d.draw(chanceBit) * float64(8*len(data)))
		data[bit/8] ^= 1 << (bit % 8)
	}
	return data
}

// A chance is one of the decisions about a datagram.
type chance uint64

const (
	chanceState chance = iota
	chanceLoss
	chanceDelay
	chanceDelayOfCopy
	chanceDuplicate
	chanceTruncate
	chanceWhere
	chanceCorrupt
	chanceBit

	chanceSecond chance = 32 // added: the second number of a decision that needs two
)

// draw is a number in [0, 1) for a decision about the datagram that passes.
func (d *Direction) draw(c chance) float64 {
	return float64(mix(mix(d.seed+d.n)+uint64(c))>>11) / (1 << 53)
}

func (d *Direction) happens(c chance, probability float64) bool {
	return probability > 0 && d.draw(c) < probability
}

// mix is the output function of SplitMix64 (Steele, Lea and Flood, 2014) on a counter.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
