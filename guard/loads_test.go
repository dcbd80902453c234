package guard

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestPlusOne(t *testing.T) {
	for x := -70.0; x < 40; x += 0.0137 {
		l := load(x * logOne)
		got := float64(l.plusOne()) / logOne
		want := math.Log2(math.Exp2(float64(l)/logOne) + 1)
		if math.Abs(got-want) > 1e-6 {
			t.Fatalf("log2(2^%v + 1) is %v, want %v", x, got, want)
		}
		if step, exact := got-float64(l)/logOne, want-float64(l)/logOne; x < 20 &&
			math.Abs(step/exact-1) > 0.02 {
			t.Fatalf("log2(2^%v + 1) adds %v, want %v", x, step, exact)
		}
	}
	if got := load(math.MinInt64).plusOne(); got != 0 {
		t.Errorf("0 + 1 is 2^%v, want 1", float64(got)/logOne)
	}
	if got := load(math.MinInt64).plus(8); got != 3*logOne {
		t.Errorf("0 + 8 is 2^%v, want 8", float64(got)/logOne)
	}
}

// addTo adds 1 to the load of a key at the start.
func addTo(t *loadTable, hash uint64) { t.add(0, hash, t.find(0, hash), 1) }

func TestLoadsDecay(t *testing.T) {
	table := newLoadTable(8, time.Second)
	h := table.hash([]byte("key"))
	for range 1000 {
		addTo(table, h)
	}
	for _, at := range []time.Duration{0, time.Second, 5 * time.Second, time.Hour, 24 * time.Hour} {
		want := 1000 * math.Exp(-at.Seconds())
		got := math.Exp2(float64(table.find(table.moment(at), h).load) / logOne)
		if math.Abs(got-want) > 0.01*want+1e-9 {
			t.Errorf("after %v the load is %v, want %v", at, got, want)
		}
	}
}

func TestLoadsOfGoroutinesAddUp(t *testing.T) {
	table := newLoadTable(1024, time.Second)
	var wg sync.WaitGroup
	const goroutines, each = 8, 10_000
	for range goroutines {
		wg.Go(func() {
			for i := range each {
				addTo(table, table.hash([]byte{byte(i % 2)}))
			}
		})
	}
	wg.Wait()
	for i := range 2 {
		got := math.Exp2(float64(table.find(0, table.hash([]byte{byte(i)})).load) / logOne)
		// A goroutine that loses eight times in a row gives up.
		if want := goroutines * each / 2.0; got < 0.99*want || got > 1.01*want {
			t.Errorf("key %d has load %v, want %v", i, got, want)
		}
	}
}

// TestHeavyKeysAreNotForgotten: among many light keys a heavy one keeps its load.
func TestHeavyKeysAreNotForgotten(t *testing.T) {
	table := newLoadTable(64, time.Hour)
	heavy := table.hash([]byte("heavy"))
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		addTo(table, heavy)
		for range 10 {
			addTo(table, table.hash(binary.LittleEndian.AppendUint64(nil, random.Uint64())))
		}
	}
	if got := math.Exp2(float64(table.find(0, heavy).load) / logOne); got < 999 {
		t.Errorf("the load is %v, want at least 1000", got)
	}
}

// TestCollisionsNeedTheKey searches for pairs of keys that share both buckets of a table, as an
// attacker could with the source of this package. It checks that in tables with other keys such
// pairs share buckets no more often than any other pair.
func TestCollisionsNeedTheKey(t *testing.T) {
	const tables, keys, entries = 20, 20_000, 8 * 1024
	known := newLoadTable(entries, time.Second)
	text := func(i int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(i)) }
	place := func(table *loadTable, i int) [2]uint64 {
		h := table.hash(text(i))
		return [2]uint64{h & table.mask, h >> 25 & table.mask}
	}
	seen := make(map[[2]uint64]int)
	var pairs [][2]int
	for i := range keys {
		at := place(known, i)
		if first, ok := seen[at]; ok {
			pairs = append(pairs, [2]int{first, i})
		}
		seen[at] = i
	}
	if len(pairs) < 100 { // 20,000²/2 pairs in 1024² places: about 190
		t.Fatalf("%d pairs share their buckets, want at least 100", len(pairs))
	}
	collisions := 0
	for range tables {
		table := newLoadTable(entries, time.Second)
		for _, p := range pairs {
			if place(table, p[0]) == place(table, p[1]) {
				collisions++
			}
		}
	}
	if collisions > 1 { // on average 0.004
		t.Errorf("%d of %d chosen pairs share their buckets in tables with other keys", collisions,
			tables*len(pairs))
	}
}
