package main

import "math"

// The limits of a rateSearch, in requests a second, and the number of trials that decide on a rate.
const (
	minRate     = 10
	maxRate     = 100_000_000
	maxFailures = 3
)

// A rateSearch searches the highest rate at which trials succeed. The caller runs a trial at each
// rate that next returns, and passes the result to observe. A rate is too high if maxFailures
// trials at it fail, so that one interruption of the machine does not decide.
type rateSearch struct {
	factor    float64 // from one rate to the next while a bound is unknown; greater than 1
	precision float64 // largest relative distance of the bounds at the end

	rate      int // of the current trial
	failures  int // at rate
	low, high int // the highest rate that succeeded and the lowest one that did not; 0 if unknown
}

// newRateSearch returns a search that begins at a rate.
func newRateSearch(start int, factor, precision float64) *rateSearch {
	return &rateSearch{factor: factor, precision: precision, rate: min(max(start, minRate), maxRate)}
}

// next returns the rate of the next trial, or false if the search has ended. The result is then
// low, which is 0 if even minRate is too high.
func (s *rateSearch) next() (rate int, ok bool) {
	switch {
	case s.low == 0:
		ok = s.high != minRate
	case s.high == 0:
		ok = s.low != maxRate
	default: // rates are integers
		ok = float64(s.high) > float64(s.low)*(1+s.precision) && s.high-s.low > 1
	}
	return s.rate, ok
}

// observe records whether the trial at the rate that next returned succeeded.
func (s *rateSearch) observe(success bool) {
	if !success {
		if s.failures++; s.failures < maxFailures {
			return
		}
	}
	s.failures = 0
	if success {
		s.low = s.rate
	} else {
		s.high = s.rate
	}
	switch {
	case s.low == 0:
		s.rate = max(int(float64(s.high)/s.factor), minRate)
	case s.high == 0:
		s.rate = min(int(math.Ceil(float64(s.low)*s.factor)), maxRate)
	default:
		s.rate = min(max(int(math.Sqrt(float64(s.low)*float64(s.high))), s.low+1), s.high)
	}
}
