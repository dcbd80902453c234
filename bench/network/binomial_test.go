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
		// The standard error of 1000 is 30.
		{1000, 10_000, 0.1, true}, {1088, 10_000, 0.1, true}, {1100, 10_000, 0.1, false},
		{912, 10_000, 0.1, true}, {900, 10_000, 0.1, false},
		// With 0.09 events expected, one event has a probability of 1/12.
		{1, 10_000, 8.8e-6, true}, {2, 10_000, 8.8e-6, true}, {3, 10_000, 8.8e-6, false},
	} {
		if got := plausible(tt.k, tt.n, tt.p); got != tt.want {
			t.Errorf("plausible(%d, %d, %g) = %v, want %v", tt.k, tt.n, tt.p, got, tt.want)
		}
	}
	if p := atMost(3, 10, 0.5); math.Abs(p-176.0/1024) > 1e-9 {
		t.Errorf("atMost(3, 10, 0.5) = %g, want 176/1024", p)
	}
}

// TestUnanswered compares the formula with probabilities computed by hand.
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
			t.Errorf("%v: unanswered = %g, want %g", tt.c, got, tt.want)
		}
	}
}
