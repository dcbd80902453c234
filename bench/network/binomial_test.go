package network

import (
	"math"
	"testing"
)

func TestPlausible(t *testing.T) {
	for _, tt := range []struct {
		k, n int
		p    float64
		want bool
	}{
		{0, 100, 0, true}, {1, 100, 0, false}, {100, 100, 1, true}, {99, 100, 1, false},
		// 1000 ± 30 are one standard error.
		{1000, 10_000, 0.1, true}, {1088, 10_000, 0.1, true}, {1100, 10_000, 0.1, false},
		{912, 10_000, 0.1, true}, {900, 10_000, 0.1, false},
		// Few events: one where 0.09 are expected comes one time in twelve.
		{1, 10_000, 8.8e-6, true}, {2, 10_000, 8.8e-6, true}, {3, 10_000, 8.8e-6, false},
	} {
		if got := plausible(tt.k, tt.n, tt.p); got != tt.want {
			t.Errorf("%d of %d at %g: %v", tt.k, tt.n, tt.p, got)
		}
	}
	if p := atMost(3, 10, 0.5); math.Abs(p-176.0/1024) > 1e-9 {
		t.Errorf("up to 3 heads of 10 coins: %g", p)
	}
}

// TestUnanswered compares the formula with what follows from counting cases by hand.
func TestUnanswered(t *testing.T) {
	for _, tt := range []struct {
		c    cell
		n    int
		want float64
	}{
		{cell{}, 5, 0},
		{cell{loss: 0.5}, 1, 0.75},
		{cell{loss: 0.1}, 5, math.Pow(1-0.81, 5)},
		{cell{loss: 0.5, duplicate: 1}, 1, 1 - 0.5*0.75},
		{cell{corrupt: 0.5}, 1, 0.75},
		{cell{loss: 0.5, corrupt: 0.5}, 1, 1 - 0.0625},
	} {
		if got := tt.c.unanswered(tt.n); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%v: %g, want %g", tt.c, got, tt.want)
		}
	}
}
