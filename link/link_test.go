package link

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"testing"
	"time"
)

// pass sends n datagrams of size bytes, one every gap, and returns the arrivals of each.
func pass(d *direction, n, size int, gap time.Duration) [][]Arrival {
	data := make([]byte, size)
	all := make([][]Arrival, n)
	for i := range all {
		all[i] = d.pass(nil, time.Duration(i)*gap, data)
	}
	return all
}

// near fails if the share of got in n differs from want by more than 3 standard errors. spread is
// the ratio of the error to that of independent events.
func near(t *testing.T, what string, got uint64, n int, want, spread float64) {
	t.Helper()
	share := float64(got) / float64(n)
	se := math.Sqrt(want*(1-want)/float64(n)) * spread
	if math.Abs(share-want) > 3*se {
		t.Errorf("%s: a share of %.5f, want %.5f with a standard error of %.5f", what, share, want, se)
	}
}

func TestRandomShares(t *testing.T) {
	const n = 200_000
	for seed, share := range []float64{0, 0.01, 0.05, 0.1, 0.3, 0.5, 1} {
		d := direction{seed: mix(uint64(seed)), impairment: Impairment{
			Loss: RandomLoss(share), Duplicate: 0.1, Corrupt: 0.01, Truncate: 0.02,
		}}
		pass(&d, n, 100, 0)
		s := d.stats
		near(t, "lost", s.Lost, n, share, 1)
		if s.Delivered == 0 {
			continue
		}
		near(t, "duplicated", s.Duplicated, int(s.Delivered), 0.1, 1)
		near(t, "corrupted", s.Corrupted, int(s.Delivered), 0.01, 1)
		near(t, "truncated", s.Truncated, int(s.Delivered), 0.02, 1)
		if s.Seen != n || s.Seen != s.Lost+s.Delivered {
			t.Errorf("the counters do not add up: %+v", s)
		}
	}
}

func TestBursts(t *testing.T) {
	const n = 500_000
	for _, tt := range []struct{ share, length float64 }{{0.01, 5}, {0.1, 2}, {0.1, 20}, {0.3, 10}, {0.5, 3}} {
		t.Run(fmt.Sprintf("%g in bursts of %g", tt.share, tt.length), func(t *testing.T) {
			loss := BurstLoss(tt.share, tt.length)
			if math.Abs(loss.Rate()-tt.share) > 1e-12 {
				t.Errorf("Rate is %g", loss.Rate())
			}
			d := direction{seed: mix(7), impairment: Impairment{Loss: loss}}
			bursts, before := 0, false
			for _, got := range pass(&d, n, 1, 0) {
				if lost := len(got) == 0; lost && !before {
					bursts++
				}
				before = len(got) == 0
			}
			// The correlation of neighbours widens the error.
			neighbours := 1 - loss.ToBad - loss.ToGood
			near(t, "lost", d.stats.Lost, n, tt.share, math.Sqrt((1+neighbours)/(1-neighbours)))
			length := float64(d.stats.Lost) / float64(bursts)
			// Lengths are geometric: their deviation is sqrt(length² − length).
			se := math.Sqrt(tt.length*tt.length-tt.length) / math.Sqrt(float64(bursts))
			if math.Abs(length-tt.length) > 3*se {
				t.Errorf("bursts of %.3f, want %g ± %.3f", length, tt.length, se)
			}
		})
	}
}

// TestReproducible repeats a run from its seed, and checks that decisions are independent of each
// other.
func TestReproducible(t *testing.T) {
	const n = 10_000
	run := func(seed uint64, i Impairment) (fates []int) {
		l := Link{Seed: seed, Up: i}
		for k := range n {
			fates = append(fates, len(l.PassUp(nil, time.Duration(k)*time.Millisecond, []byte("x"))))
		}
		return fates
	}
	some := Impairment{Loss: RandomLoss(0.2), Duplicate: 0.3}
	first := run(1, some)
	if !slices.Equal(first, run(1, some)) {
		t.Error("the same seed has another result")
	}
	if slices.Equal(first, run(2, some)) {
		t.Error("another seed has the same result")
	}
	other := some
	other.Loss, other.Delay = RandomLoss(0.4), Delay{Base: time.Second, Jitter: time.Second}
	for k, fate := range run(1, other) {
		switch {
		case first[k] == 0 && fate != 0:
			t.Fatalf("datagram %d is lost at 20 %% and not at 40 %%", k)
		case fate != 0 && fate != first[k]:
			t.Fatalf("datagram %d arrives %d times at 20 %% and %d times at 40 %%", k, first[k], fate)
		}
	}
	up, down := Link{Seed: 3, Up: some, Down: some}, 0
	for k := range n {
		if len(up.PassUp(nil, 0, nil)) != len(up.PassDown(nil, 0, nil)) {
			down++
		}
		_ = k
	}
	if down < n/10 {
		t.Errorf("the directions differ in %d datagrams only", down)
	}
}

func TestDelays(t *testing.T) {
	const n, base, jitter = 100_000, 100 * time.Millisecond, 10 * time.Millisecond
	for _, tt := range []struct {
		shape     Shape
		mean, dev time.Duration
	}{
		{Uniform, base, time.Duration(float64(jitter) / math.Sqrt(3))},
		{Normal, base, jitter},
		{Pareto, base + jitter, time.Duration(float64(jitter) * math.Sqrt(3))},
	} {
		for _, inOrder := range []bool{false, true} {
			t.Run(fmt.Sprint(tt.shape, inOrder), func(t *testing.T) {
				d := direction{seed: mix(5), impairment: Impairment{Delay: Delay{base, jitter, tt.shape, inOrder}}}
				var sum, squares float64
				var last time.Duration
				overtakes := 0
				for i, got := range pass(&d, n, 1, time.Millisecond) {
					after := got[0].After
					sum += after.Seconds()
					squares += after.Seconds() * after.Seconds()
					arrival := time.Duration(i)*time.Millisecond + after
					if arrival < last {
						overtakes++
					}
					last = max(last, arrival)
				}
				if inOrder {
					if overtakes > 0 || d.stats.Reordered > 0 {
						t.Errorf("in order, %d datagrams overtake, %d are counted", overtakes, d.stats.Reordered)
					}
					return
				}
				if overtakes == 0 || d.stats.Reordered != uint64(overtakes) {
					t.Errorf("%d overtake and %d are counted", overtakes, d.stats.Reordered)
				}
				mean := sum / n
				dev := math.Sqrt(squares/n - mean*mean)
				if math.Abs(mean-tt.mean.Seconds()) > 3*tt.dev.Seconds()/math.Sqrt(n) {
					t.Errorf("mean %v, want %v", mean, tt.mean)
				}
				// Pareto has no fourth moment: the deviation converges slowly.
				if math.Abs(dev/tt.dev.Seconds()-1) > map[Shape]float64{Uniform: 0.01, Normal: 0.01, Pareto: 0.2}[tt.shape] {
					t.Errorf("deviation %v, want %v", dev, tt.dev)
				}
			})
		}
	}
}

// TestRate sends twice as much as the link carries. Half of it arrives at the rate of the link,
// after the time in a full queue; the rest overflows.
func TestRate(t *testing.T) {
	const n, size, queue = 10_000, 97, 20 // 125 bytes with headers: 1 ms at a megabit a second
	d := direction{impairment: Impairment{Rate: 1_000_000, Queue: queue}}
	var last time.Duration
	for i, got := range pass(&d, n, size, 500*time.Microsecond) {
		at := time.Duration(i) * 500 * time.Microsecond
		for _, a := range got {
			if a.After > (queue+1)*time.Millisecond {
				t.Fatalf("datagram %d takes %v, longer than the queue", i, a.After)
			}
			if gap := at + a.After - last; gap < time.Millisecond && last > 0 {
				t.Fatalf("datagram %d arrives %v after the one before it, want 1ms", i, gap)
			}
			last = at + a.After
		}
	}
	if got := int(d.stats.Delivered); got < n/2 || got > n/2+queue+1 {
		t.Errorf("%d delivered of %d, want half and the queue", got, n)
	}
	if d.stats.Delivered+d.stats.Overflow != n {
		t.Errorf("the counters do not add up: %+v", d.stats)
	}

	// Below its rate a datagram takes the time of its own transmission.
	d = direction{impairment: Impairment{Rate: 1_000_000, Queue: 1}}
	for i, got := range pass(&d, 1000, size, 2*time.Millisecond) {
		if len(got) != 1 || got[0].After != time.Millisecond {
			t.Fatalf("datagram %d: %v, want 1ms", i, got)
		}
	}
}

// TestSlowRate sends far more than a link of 1 bit per second carries. Each arrival must have a
// sensible time, and the queue must stay short.
func TestSlowRate(t *testing.T) {
	const n, perDatagram = 200_000, 29 * 8 * time.Second
	for _, tt := range []struct {
		queue int // of the impairment
		limit time.Duration
	}{
		{0, (DefaultQueue + 1) * perDatagram},
		{10, 11 * perDatagram},
		{maxQueue, maxWait},
	} {
		d := direction{impairment: Impairment{Rate: 1, Queue: tt.queue}}
		var latest time.Duration
		for i := range n {
			for _, a := range d.pass(nil, 0, []byte("x")) {
				if a.After < latest {
					t.Fatalf("queue %d: datagram %d arrives after %v, earlier than the one before it", tt.queue, i,
						a.After)
				}
				latest = a.After
			}
		}
		if latest > tt.limit || latest < tt.limit-perDatagram {
			t.Errorf("queue %d: the last datagram arrives after %v, want %v", tt.queue, latest, tt.limit)
		}
		if got := d.stats.Delivered; got != uint64(latest/perDatagram) || d.stats.Overflow != n-got {
			t.Errorf("queue %d: stats %+v", tt.queue, d.stats)
		}
	}
}

func TestDamage(t *testing.T) {
	data := []byte("a datagram of some length")
	before := bytes.Clone(data)
	d := direction{impairment: Impairment{Corrupt: 1}}
	for range 1000 {
		got := d.pass(nil, 0, data)[0].Data
		flipped := 0
		for i := range got {
			flipped += bits.OnesCount8(got[i] ^ data[i])
		}
		if len(got) != len(data) || flipped != 1 {
			t.Fatalf("%q has %d bits flipped, want one", got, flipped)
		}
	}
	d = direction{impairment: Impairment{Truncate: 1}}
	lengths := make(map[int]bool)
	for range 1000 {
		got := d.pass(nil, 0, data)[0].Data
		if len(got) >= len(data) || !bytes.HasPrefix(data, got) {
			t.Fatalf("%q is not shorter", got)
		}
		lengths[len(got)] = true
	}
	if len(lengths) != len(data) {
		t.Errorf("%d lengths, want each shorter one", len(lengths))
	}
	if !bytes.Equal(data, before) {
		t.Error("the caller's datagram has changed")
	}
	d = direction{impairment: Impairment{Corrupt: 1, Truncate: 1}}
	if got := d.pass(nil, 0, nil); len(got) != 1 || len(got[0].Data) != 0 || d.stats.Corrupted != 0 {
		t.Errorf("an empty datagram became %v", got)
	}
}

func TestMTUBlackHoleRebind(t *testing.T) {
	d := direction{impairment: Impairment{MTU: 1500}}
	if len(d.pass(nil, 0, make([]byte, 1472))) != 1 || len(d.pass(nil, 0, make([]byte, 1473))) != 0 {
		t.Error("an MTU of 1500 must let at most 1472 bytes pass")
	}
	d.impairment = Impairment{BlackHole: true}
	if len(d.pass(nil, 0, nil)) != 0 {
		t.Error("a datagram leaves the black hole")
	}
	if want := (Stats{Seen: 3, Delivered: 1, TooLong: 1, BlackHoled: 1}); d.stats != want {
		t.Errorf("stats %+v, want %+v", d.stats, want)
	}
	d = direction{impairment: Impairment{RebindEvery: 3}}
	var at []int
	for i := range 9 {
		if d.pass(nil, 0, nil)[0].Rebind {
			at = append(at, i)
		}
	}
	if !slices.Equal(at, []int{2, 5, 8}) {
		t.Errorf("rebound at %v, want each third", at)
	}
}

func TestScheduleAndSet(t *testing.T) {
	hole := Impairment{BlackHole: true}
	l := Link{Schedule: []Phase{{At: time.Second, Up: hole}, {At: 2 * time.Second, Down: hole}}}
	passes := func(at time.Duration) string {
		return fmt.Sprint(len(l.PassUp(nil, at, nil)), len(l.PassDown(nil, at, nil)))
	}
	for _, tt := range []struct {
		at   time.Duration
		want string
	}{{0, "1 1"}, {time.Second - 1, "1 1"}, {time.Second, "0 1"}, {3 * time.Second, "1 0"}} {
		if got := passes(tt.at); got != tt.want {
			t.Errorf("at %v %s pass, want %s", tt.at, got, tt.want)
		}
	}
	l.Set(hole, hole)
	if got := passes(4 * time.Second); got != "0 0" {
		t.Errorf("after Set %s pass, want none", got)
	}
	up, down := l.Stats()
	if up.Seen != 5 || up.BlackHoled != 2 || down.Seen != 5 || down.BlackHoled != 2 {
		t.Errorf("stats %+v, %+v", up, down)
	}

	// A phase at 0 begins with the first datagram.
	l = Link{Schedule: []Phase{{Up: hole}}}
	if got := passes(0); got != "0 1" {
		t.Errorf("%s pass, want what the schedule says at 0", got)
	}
}

// TestSetSchedule replaces a schedule while it runs. The times of the new one begin with the next
// datagram.
func TestSetSchedule(t *testing.T) {
	hole := Impairment{BlackHole: true}
	l := Link{Schedule: []Phase{{At: time.Second, Up: hole}, {At: time.Minute}}}
	passes := func(at time.Duration) bool { return len(l.PassUp(nil, at, nil)) > 0 }
	if !passes(0) || passes(2*time.Second) {
		t.Fatal("the first schedule has no effect")
	}
	l.SetSchedule([]Phase{{At: time.Second}, {At: 2 * time.Second, Up: hole}})
	for _, tt := range []struct {
		at   time.Duration
		want bool
	}{{time.Hour, false}, {time.Hour + time.Second, true}, {time.Hour + 2*time.Second, false}} {
		if got := passes(tt.at); got != tt.want {
			t.Errorf("at %v the datagram passes: %v, want %v", tt.at, got, tt.want)
		}
	}
	l.SetSchedule(nil)
	if passes(2*time.Hour) || l.Schedule != nil {
		t.Error("without a schedule the impairments must stay")
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		link  Link
		field string
	}{
		{Link{}, ""},
		{Link{Up: Impairment{Loss: BurstLoss(0.3, 4)}}, ""},
		{Link{Up: Impairment{Loss: RandomLoss(1.3)}}, "up.loss.good"},
		{Link{Down: Impairment{Loss: RandomLoss(math.NaN())}}, "down.loss.good"},
		{Link{Up: Impairment{Loss: BurstLoss(0.5, 0.5)}}, "up.loss.to_bad"},
		{Link{Up: Impairment{Loss: BurstLoss(1, 5)}}, "up.loss.to_bad"},
		{Link{Up: Impairment{Duplicate: -0.1}}, "up.duplicate"},
		{Link{Up: Impairment{Corrupt: 2}}, "up.corrupt"},
		{Link{Up: Impairment{Truncate: 2}}, "up.truncate"},
		{Link{Up: Impairment{MTU: -1}}, "up.mtu"},
		{Link{Up: Impairment{MTU: 27}}, "up.mtu"},
		{Link{Up: Impairment{MTU: 28}}, ""},
		{Link{Up: Impairment{Rate: -1}}, "up.rate"},
		{Link{Up: Impairment{Queue: -1}}, "up.queue"},
		{Link{Up: Impairment{RebindEvery: -1}}, "up.rebind_every"},
		{Link{Up: Impairment{Delay: Delay{Base: -1}}}, "up.delay.base"},
		{Link{Up: Impairment{Delay: Delay{Jitter: -1}}}, "up.delay.jitter"},
		{Link{Up: Impairment{Delay: Delay{Shape: 9}}}, "up.delay.shape"},
		{Link{Schedule: []Phase{{At: 2}, {At: 1}}}, "schedule[1].at"},
		{Link{Schedule: []Phase{{Down: Impairment{MTU: -1}}}}, "schedule[0].down.mtu"},
	}
	for _, tt := range tests {
		err := tt.link.Check()
		var field *FieldError
		switch {
		case tt.field == "" && err != nil:
			t.Errorf("%+v: %v", tt.link, err)
		case tt.field != "" && (!errors.As(err, &field) || field.Field != tt.field):
			t.Errorf("%+v: %v, want an error about %s", tt.link, err, tt.field)
		}
	}
}

func TestShapeText(t *testing.T) {
	for s := range shapes {
		text, err := s.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Shape
		if err := back.UnmarshalText(text); err != nil || back != s {
			t.Errorf("%s became %v, %v", text, back, err)
		}
	}
	if err := new(Shape).UnmarshalText([]byte("round")); err == nil {
		t.Error("round is accepted as a shape")
	}
}

func BenchmarkPass(b *testing.B) {
	b.ReportAllocs()
	d := direction{impairment: Impairment{
		Loss: BurstLoss(0.1, 3), Rate: 1 << 40, Queue: 100, Duplicate: 0.01,
		Delay: Delay{Base: time.Millisecond, Jitter: time.Millisecond, Shape: Normal},
	}}
	data := make([]byte, 64)
	var out []Arrival
	for i := 0; b.Loop(); i++ {
		out = d.pass(out[:0], time.Duration(i)*time.Microsecond, data)
	}
}
