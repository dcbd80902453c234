package main

import "testing"

// runSearch runs a search on a generator that succeeds up to a limit, and returns the number of
// trials.
func runSearch(t *testing.T, s *rateSearch, succeeds func(rate int) bool) (trials int) {
	t.Helper()
	for {
		rate, ok := s.next()
		if !ok {
			return trials
		}
		if trials++; trials > 200 {
			t.Fatalf("the search has not ended after %d trials: %+v", trials, s)
		}
		s.observe(succeeds(rate))
	}
}

func TestRateSearch(t *testing.T) {
	for _, tt := range []struct {
		name         string
		start, limit int
		factor       float64
		most         int // trials
	}{
		{"up", 1000, 123_456, 2, 30},
		{"down", 1_000_000, 123_456, 2, 30},
		{"from the last result", 120_000, 123_456, 1.2, 15},
		{"exact", 4096, 4096, 2, 30},
		{"low", 1000, 37, 2, 30},
		{"millions", 1_000_000, 9_876_543, 2, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newRateSearch(tt.start, tt.factor, 0.03)
			trials := runSearch(t, s, func(rate int) bool { return rate <= tt.limit })
			if s.low > tt.limit || s.high <= tt.limit {
				t.Errorf("the bounds %d and %d do not enclose %d", s.low, s.high, tt.limit)
			}
			if s.high-s.low > 1 && float64(s.high)/float64(s.low) > 1.03 {
				t.Errorf("the bounds %d and %d are more than 3 %% apart", s.low, s.high)
			}
			if trials > tt.most {
				t.Errorf("took %d trials, want at most %d", trials, tt.most)
			}
		})
	}
}

// One or two failures in a row do not make a rate too high.
func TestRateSearchRepeatsFailures(t *testing.T) {
	s := newRateSearch(1000, 2, 0.03)
	n := 0
	runSearch(t, s, func(rate int) bool {
		n++
		return rate <= 50_000 && n%3 == 0
	})
	if s.low > 50_000 || s.low < 48_000 {
		t.Errorf("got %d, want about 50,000", s.low)
	}
}

// A search ends at the limits of the rate.
func TestRateSearchLimits(t *testing.T) {
	s := newRateSearch(1000, 2, 0.03)
	runSearch(t, s, func(int) bool { return false })
	if s.low != 0 || s.high != minRate {
		t.Errorf("all trials failed: the bounds are %d and %d, want 0 and %d", s.low, s.high, minRate)
	}
	s = newRateSearch(1, 2, 0.03)
	runSearch(t, s, func(int) bool { return true })
	if s.low != maxRate || s.high != 0 {
		t.Errorf("all trials succeeded: the bounds are %d and %d, want %d and 0", s.low, s.high, maxRate)
	}
}
