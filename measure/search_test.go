package measure_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ohce/ohce/measure"
)

// search runs a search on a server whose trials are within the bounds with a probability that
// depends on the rate.
func search(s *measure.RateSearch, within func(rate float64) bool) {
	for rate, ok := s.Next(); ok; rate, ok = s.Next() {
		s.Observe(within(rate))
	}
}

// The interval contains the true bound, whatever the first rate, and is as narrow as asked.
func TestRateSearch(t *testing.T) {
	for _, start := range []float64{0, 1, 1e4, 1e7} {
		for _, bound := range []float64{3, 1234, 1e5, 5e6} {
			s := &measure.RateSearch{Start: start, Precision: 0.02}
			search(s, func(rate float64) bool { return rate <= bound })
			if s.Lower > bound || s.Upper <= bound || s.Upper/s.Lower > 1.02 || s.Trials > 80 {
				t.Errorf("from %v for %v: [%v, %v] after %d trials", start, bound, s.Lower, s.Upper, s.Trials)
			}
		}
	}
}

func TestRateSearchLimits(t *testing.T) {
	s := &measure.RateSearch{Max: 5000}
	search(s, func(rate float64) bool {
		if rate > 5000 {
			t.Errorf("a trial at %v", rate)
		}
		return true
	})
	if s.Lower != 5000 || !math.IsInf(s.Upper, 1) {
		t.Errorf("without a bound: [%v, %v], want 5000 and no upper end", s.Lower, s.Upper)
	}
	s = &measure.RateSearch{}
	search(s, func(float64) bool { return false })
	if s.Lower != 0 || s.Upper > 1 {
		t.Errorf("a server that is never within the bounds: [%v, %v]", s.Lower, s.Upper)
	}
	s = &measure.RateSearch{MaxTrials: 7}
	search(s, func(rate float64) bool { return rate < 1e6 })
	if s.Trials != 7 {
		t.Errorf("%d trials, want 7", s.Trials)
	}
}

// If the results near the bound are random, two searches still find intervals that overlap or lie
// within the random range.
func TestRateSearchNoise(t *testing.T) {
	const bound = 100_000.0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &measure.RateSearch{}
		search(s, func(rate float64) bool { // half of the trials at the bound fail; 5 % away, 0.7 %
			return random.Float64() < 1/(1+math.Exp((rate-bound)/bound*100))
		})
		if s.Lower < 0.9*bound || s.Upper > 1.1*bound || s.Upper/s.Lower > 1.05 {
			t.Errorf("seed %d: [%v, %v] after %d trials", seed, s.Lower, s.Upper, s.Trials)
		}
	}
}

// The trials at the lower end are repeated. If their results contradict the first ones, the search
// continues below.
func TestRateSearchRepeats(t *testing.T) {
	s := &measure.RateSearch{}
	bound := 100_000.0
	search(s, func(rate float64) bool {
		if s.Trials == 20 { // the server becomes slower during the search
			bound = 30_000
		}
		return rate <= bound
	})
	if s.Lower > bound || s.Upper <= bound {
		t.Errorf("[%v, %v] after %d trials, want an interval around %v", s.Lower, s.Upper, s.Trials, bound)
	}
}
