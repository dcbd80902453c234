package measure_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ohce/ohce/measure"
)

// search runs a search on a server whose trials are within the bounds with a probability that
// depends on the rate.
func search(s *measure.RateSearch, within func(rate float64) bool) {
	for rate, ok := s.Next(); ok; rate, ok = s.Next() {
		s.Observe(result(within(rate)))
	}
}

func result(within bool) measure.TrialResult {
	if within {
		return measure.TrialWithin
	}
	return measure.TrialTooHigh
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
	if s.Lower != 5000 || !math.IsInf(s.Upper, 1) || s.End != measure.SearchComplete {
		t.Errorf("without a bound: [%v, %v], %v; want 5000 and no upper end", s.Lower, s.Upper, s.End)
	}
	s = &measure.RateSearch{}
	search(s, func(float64) bool { return false })
	if s.Lower != 0 || s.Upper > 1 {
		t.Errorf("a server that is never within the bounds: [%v, %v]", s.Lower, s.Upper)
	}
	s = &measure.RateSearch{MaxTrials: 7}
	search(s, func(rate float64) bool { return rate < 1e6 })
	if s.Trials != 7 || s.End != measure.SearchExhausted || s.Lower != 4000 {
		t.Errorf("%d trials, %v, at least %v; want 7, exhausted, 4000", s.Trials, s.End, s.Lower)
	}
}

// If the results near the bound are random, the interval lies within the random range. It is wider than
// Precision if they contradict each other.
func TestRateSearchNoise(t *testing.T) {
	const bound = 100_000.0
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &measure.RateSearch{}
		search(s, func(rate float64) bool { // half of the trials at the bound fail; 5 % away, 0.7 %
			return random.Float64() < 1/(1+math.Exp((rate-bound)/bound*100))
		})
		width := 1.05
		if s.End == measure.SearchContradictory { // without the rate in between
			width *= width
		}
		if s.Lower < 0.9*bound || s.Upper > 1.1*bound || s.Upper/s.Lower > width || s.Trials > 60 {
			t.Errorf("seed %d: [%v, %v] after %d trials", seed, s.Lower, s.Upper, s.Trials)
		}
	}
}

// The trials at both ends are repeated. If their results contradict the first ones, the search
// continues, and the rates decided on before need few trials.
func TestRateSearchRepeats(t *testing.T) {
	for _, tt := range []struct{ before, after float64 }{
		{100_000, 30_000}, {100_000, 95_000}, {30_000, 100_000}, {100_000, 500},
	} {
		s := &measure.RateSearch{}
		bound := tt.before
		search(s, func(rate float64) bool {
			if s.Trials == 20 { // the server changes during the search
				bound = tt.after
			}
			return rate <= bound
		})
		if s.Lower > bound || s.Upper <= bound || s.Upper/s.Lower > 1.05 || s.Trials > 56 {
			t.Errorf("[%v, %v] after %d trials, want an interval around %v", s.Lower, s.Upper, s.Trials, bound)
		}
	}
}

// A disturbance that spoils all trials of some time does not spoil the result. A long one near the end can
// leave Upper unclear.
func TestRateSearchDisturbance(t *testing.T) {
	const bound = 100_000
	for _, spoilt := range []measure.TrialResult{measure.TrialUnclear, measure.TrialTooHigh} {
		for length := range 15 {
			for begin := range 40 {
				s := &measure.RateSearch{}
				for rate, ok := s.Next(); ok; rate, ok = s.Next() {
					r := result(rate <= bound)
					if s.Trials >= begin && s.Trials < begin+length {
						r = spoilt
					}
					s.Observe(r)
				}
				wrong := s.Upper <= bound && !(s.UpperUnclear && length > 8)
				if s.Lower > bound || wrong || s.Upper/s.Lower > 1.05 || s.Trials > 70 {
					t.Errorf("%v in %d trials from %d: [%v, %v] after %d trials", spoilt, length, begin, s.Lower, s.Upper,
						s.Trials)
				}
			}
		}
	}
}

// If the results contradict each other again and again, the search ends with a wide interval.
func TestRateSearchContradictions(t *testing.T) {
	for _, period := range []int{6, 7, 10, 12} {
		s := &measure.RateSearch{}
		search(s, func(rate float64) bool { // the highest rate is 80,000 and 120,000 by turns
			return rate < 80_000 || rate < 120_000 && s.Trials/period%2 == 0
		})
		if s.Lower > 120_000 || s.Upper < 80_000 || s.Upper < 1.05*s.Lower || s.Upper > 1.2*s.Lower || s.Trials > 75 {
			t.Errorf("period %d: [%v, %v] after %d trials", period, s.Lower, s.Upper, s.Trials)
		}
		if s.End != measure.SearchContradictory {
			t.Errorf("period %d: the search is %v", period, s.End)
		}
	}
	// At the highest rate to try, too.
	s := &measure.RateSearch{Max: 1000}
	search(s, func(rate float64) bool { return rate < 1000 || s.Trials/2%2 == 0 })
	if s.Lower < 900 || s.Upper != 1000 || s.End != measure.SearchContradictory {
		t.Errorf("at the highest rate to try: [%v, %v], %v", s.Lower, s.Upper, s.End)
	}
}

// The report says whether the upper end is proven. Unclear trials do not overrule a decision.
func TestRateSearchUpperUnclear(t *testing.T) {
	for _, proven := range []bool{true, false} {
		s := &measure.RateSearch{}
		for rate, ok := s.Next(); ok; rate, ok = s.Next() {
			r := result(rate <= 12_345)
			if r == measure.TrialTooHigh && !proven {
				r = measure.TrialUnclear
			}
			s.Observe(r)
		}
		if s.Upper <= 12_345 || s.Upper > 1.05*12_345 || s.UpperUnclear == proven {
			t.Errorf("proven %v: up to %v, unclear %v", proven, s.Upper, s.UpperUnclear)
		}
	}
	s := &measure.RateSearch{Max: 1000}
	for _, r := range []measure.TrialResult{measure.TrialWithin, measure.TrialWithin, measure.TrialUnclear,
		measure.TrialUnclear, measure.TrialUnclear} {
		if rate, ok := s.Next(); !ok || rate != 1000 {
			t.Fatalf("a trial at %v, %v", rate, ok)
		}
		s.Observe(r)
	}
	if _, ok := s.Next(); ok || s.Lower != 1000 || s.End != measure.SearchComplete {
		t.Errorf("three unclear trials overruled two others: %v, %v", s.Lower, s.End)
	}
}

// Unclear trials are repeated: the rate is too high only if three of them are.
func TestRateSearchUnclear(t *testing.T) {
	s := &measure.RateSearch{}
	var rates []float64
	const unclear, within, tooHigh = measure.TrialUnclear, measure.TrialWithin, measure.TrialTooHigh
	for _, r := range []measure.TrialResult{unclear, within, unclear, within, unclear, tooHigh, unclear, unclear, within,
		unclear, tooHigh, within} {
		rate, ok := s.Next()
		if !ok {
			t.Fatal("the search has ended")
		}
		rates = append(rates, rate)
		s.Observe(r)
	}
	want := []float64{1000, 1000, 1000, 1000, 2000, 2000, 2000, 2000, 1414, 1414, 1414, 1414}
	for i := range rates {
		rates[i] = math.Floor(rates[i])
	}
	if !slices.Equal(rates, want) || math.Floor(s.Lower) != 1414 {
		t.Errorf("trials at %v, want %v", rates, want)
	}
}
