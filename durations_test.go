package ohce

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestDurationHistogram(t *testing.T) {
	var h DurationHistogram
	rng := rand.New(rand.NewPCG(1, 2))
	var all []time.Duration
	for range 10_000 {
		d := time.Duration(math.Exp(rng.Float64()*25) + 1) // 1 ns to 72 s
		h.record(d)
		all = append(all, d)
	}
	var count uint64
	for i, n := range h.Buckets() {
		low, high := math.Exp2(float64(i-1)/8)*1e9, math.Exp2(float64(i)/8)*1e9
		var want uint64
		for _, d := range all {
			if float64(d) > math.Floor(low) && float64(d) <= high {
				want++
			}
		}
		if n != want {
			t.Errorf("bucket %d: %d, want %d", i, n, want)
		}
		if got := h.CountUpTo(time.Duration(high)); got != count+n {
			t.Errorf("up to bucket %d: %d, want %d", i, got, count+n)
		}
		count += n
	}
	if count != h.Count || h.Count != 10_000 {
		t.Errorf("the buckets have %d durations, Count is %d, want 10,000", count, h.Count)
	}
}

func TestDurationHistogramQuantile(t *testing.T) {
	var h, earlier DurationHistogram
	if got := h.Quantile(0.5); got != 0 {
		t.Errorf("median of nothing: %v", got)
	}
	for i := range 100 {
		h.record(time.Duration(i+1) * time.Millisecond)
		if i == 49 {
			earlier = h
		}
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		got, want := h.Quantile(q), want*time.Millisecond
		if got < want || got > want+want/10 {
			t.Errorf("quantile %v: %v, want %v and at most 10 %% more", q, got, want)
		}
	}
	later := h.Sub(&earlier)
	if got := later.Quantile(0); later.Count != 50 || got < 51*time.Millisecond {
		t.Errorf("the later half: %d, from %v", later.Count, got)
	}
	later.Add(&earlier)
	if later != h {
		t.Error("Sub and Add are not inverse")
	}
	h.record(-1)
	h.record(24 * time.Hour)
	const last = 4096 * time.Second
	if got := h.Quantile(1); got != last {
		t.Errorf("the longest duration is %v, want the last bound, %v", got, last)
	}
	if before, at := h.CountUpTo(last-1), h.CountUpTo(last); before != 101 || at != 102 {
		t.Errorf("%d durations below the last bound and %d up to it, want 101 and 102", before, at)
	}
	if want := 5050*time.Millisecond + 24*time.Hour; h.Count != 102 || h.Sum != want {
		t.Errorf("%d durations of %v, want 102 of %v", h.Count, h.Sum, want)
	}
}
