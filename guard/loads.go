package guard

import (
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"
)

// A loadTable counts events per key in a fixed amount of memory. Each count, here called a load,
// decays exponentially with time. Several goroutines may use it at once.
//
// A key has two buckets of eight entries. A key that is not in them takes the place of the entry with
// the smallest load and adds to that load, so a load is never underestimated, and no choice of keys
// can make the table forget a heavy one. Without the random hash key, keys that share buckets cannot
// be chosen.
//
// An entry holds the logarithm of its load plus the time in units of the decay. This sum does not
// change while the load decays, so the table needs no time stamps and no sweep, and entries can be
// compared without computing their decay.
type loadTable struct {
	seed    maphash.Seed
	mask    uint64  // number of buckets - 1
	perTime float64 // log units per nanosecond by which loads decay
	buckets []bucket
}

const bucketEntries = 8

// A bucket fills one cache line. An entry is a tag of 14 bits, 0 if the entry is unused, and a value
// of 50 bits.
type bucket [bucketEntries]atomic.Uint64

const (
	valueBits = 50
	valueMask = 1<<valueBits - 1

	// A logarithm to base 2 is a fixed-point number with 26 fractional bits.
	logBits = 26
	logOne  = 1 << logBits
)

// newLoadTable returns a table of at least entries entries whose loads decay by the factor e in the
// time decay.
func newLoadTable(entries int, decay time.Duration) *loadTable {
	n := uint64(1)
	for n*bucketEntries < uint64(entries) {
		n *= 2
	}
	return &loadTable{
		seed: maphash.MakeSeed(), mask: n - 1, perTime: math.Log2E * logOne / float64(decay),
		buckets: make([]bucket, n),
	}
}

// A moment is a time in the units of a loadTable.
type moment uint64

// moment converts a time since the start.
func (t *loadTable) moment(since time.Duration) moment {
	units := float64(since) * t.perTime
	if units >= 1<<63 { // after years, or after days if loads decay within microseconds
		units = math.Mod(units, 1<<valueBits)
	}
	return moment(uint64(units) & valueMask)
}

// hash returns the keyed hash of b.
func (t *loadTable) hash(b []byte) uint64 { return maphash.Bytes(t.seed, b) }

// A load is the logarithm to base 2 of a count, in units of 1/logOne.
type load int64

// loadOf returns the load of a count, which must be positive.
func loadOf(count float64) load { return load(math.Log2(count) * logOne) }

// maxLoad is the load of 2^64 events. No entry has more.
const maxLoad load = 64 * logOne

// at returns the load that an entry has at a moment. Values wrap around: an entry that has had no
// events for 11 million times the decay seems to have a load again, for 44 times the decay.
func (m moment) at(entry uint64) load {
	l := load((entry - uint64(m)) & valueMask)
	if l > maxLoad {
		l -= 1 << valueBits
	}
	return l
}

// entry returns the entry of a key with a load at a moment.
func (m moment) entry(tag uint64, l load) uint64 {
	return tag<<valueBits | (uint64(m)+uint64(l))&valueMask
}

// A slot is an entry of the table as it was found.
type slot struct {
	entry *atomic.Uint64
	value uint64
	load  load
}

// find returns the slot of a key, or the slot with the smallest load of its buckets, whose place the
// key would take.
func (t *loadTable) find(now moment, hash uint64) slot {
	tag := tagOf(hash)
	pair := [2]*bucket{&t.buckets[hash&t.mask], &t.buckets[hash>>25&t.mask]}
	for _, b := range pair {
		for j := range b {
			if e := b[j].Load(); e>>valueBits == tag {
				return slot{&b[j], e, now.at(e)}
			}
		}
	}
	least := slot{load: math.MaxInt64}
	for _, b := range pair {
		for j := range b {
			e := b[j].Load()
			if e == 0 {
				return slot{&b[j], 0, math.MinInt64}
			}
			if l := now.at(e); l < least.load {
				least = slot{&b[j], e, l}
			}
		}
	}
	return least
}

// tagOf returns the tag of a key: 14 bits of the hash, not 0.
func tagOf(hash uint64) uint64 { return hash>>valueBits | 1 }

// add adds weight to the load of the key in a slot that find returned for the same moment.
func (t *loadTable) add(now moment, hash uint64, s slot, weight float64) {
	for range 8 { // another goroutine can change the entry in between
		if s.entry.CompareAndSwap(s.value, now.entry(tagOf(hash), s.load.plus(weight))) {
			return
		}
		s = t.find(now, hash)
	}
}

// plus returns the load of the sum of l and a count.
func (l load) plus(weight float64) load {
	if weight == 1 {
		return l.plusOne()
	}
	return loadOf(math.Exp2(float64(max(l, -64*logOne))/logOne) + weight)
}

// plusOne is plus(1) without transcendental functions:
//
//	log(L+1) = log L + log(1 + 1/L) if L is at least 1, else log(1 + L)
func (l load) plusOne() load {
	distance := max(l, -l)
	if distance < 0 || distance >= 63*logOne { // a load of 0, or one that 1 does not change
		return max(l, 0)
	}
	fraction := distance & (logOne - 1)
	i := fraction >> (logBits - tableBits)
	rest := float64(fraction&(1<<(logBits-tableBits)-1)) / (1 << (logBits - tableBits))
	y := powers[i] + (powers[i+1]-powers[i])*rest // 2 to the power -fraction
	y /= float64(uint64(1) << (distance >> logBits))
	step := load(log1p(y)*logOne + 0.5)
	if l >= 0 {
		return l + step
	}
	return step
}

const (
	tableBits = 10
	tableSize = 1 << tableBits
)

var (
	powers     = tabulate(func(x float64) float64 { return math.Exp2(-x) })
	logarithms = tabulate(func(x float64) float64 { return math.Log2(1 + x) })
)

// tabulate returns f at tableSize steps from 0 to 1, both included.
func tabulate(f func(float64) float64) *[tableSize + 2]float64 {
	t := new([tableSize + 2]float64)
	for i := range t {
		t[i] = f(float64(i) / tableSize)
	}
	return t
}

// log1p returns the logarithm to base 2 of 1+y, for y from 0 to 1.
func log1p(y float64) float64 {
	if y < 1.0/tableSize {
		return y * math.Log2E * (1 - y/2)
	}
	i := int(y * tableSize)
	return logarithms[i] + (logarithms[i+1]-logarithms[i])*(y*tableSize-float64(i))
}
