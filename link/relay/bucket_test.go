package relay

import (
	"testing"
	"time"
)

func TestBucket(t *testing.T) {
	b := bucket{perSecond: 10}
	for i, step := range []struct {
		at    time.Duration
		asked int
		taken int
	}{
		{0, 12, 10}, // full at first
		{99 * time.Millisecond, 1, 0},
		{100 * time.Millisecond, 2, 1},
		{600 * time.Millisecond, 9, 5},
		{time.Hour, 12, 10}, // never more than the tokens of one second
	} {
		taken := 0
		for range step.asked {
			if b.take(step.at) {
				taken++
			}
		}
		if taken != step.taken {
			t.Errorf("step %d at %v: %d tokens, want %d", i, step.at, taken, step.taken)
		}
	}
}

// TestBucketOfManyTokens checks that a rate beyond the resolution of the clock limits nothing.
func TestBucketOfManyTokens(t *testing.T) {
	b := bucket{perSecond: 2_000_000_000}
	for range 1000 {
		if !b.take(0) {
			t.Fatal("a token is missing")
		}
	}
}
