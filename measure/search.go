package measure

import "math"

// A RateSearch finds the highest rate at which a server keeps within given limits. The caller runs a
// trial at each rate that Next returns and passes the result to Observe. RateSearch does no I/O.
//
// It doubles the rate from Start until a rate is not within the limits, or halves it until one is.
// Then it tries the geometric mean of the highest rate within the limits and the lowest one beyond
// them, until both are close enough. Near the highest rate, the result of a trial is random. The search
// therefore decides on each rate by the majority of up to 2·Confirm-1 trials, and at the end repeats
// the trials at the highest rate within the limits. If they contradict the earlier ones, it continues
// below. The draft draft-ietf-bmwg-mlrsearch describes the reasons.
type RateSearch struct {
	// Start is the first rate, in requests a second. If not positive, it is 1,000.
	Start float64
	// Max is the highest rate to try. If not positive, there is no limit.
	Max float64
	// Precision is how far Upper may exceed Lower in the end: 0.05 is 5 %. If not positive, it is 0.05.
	Precision float64
	// Confirm is the number of equal results that decide on a rate. If not positive, it is 2.
	Confirm int
	// MaxTrials is the largest number of trials. If not positive, it is 100.
	MaxTrials int

	// Lower is the highest rate that was within the limits, 0 if none was. Upper is the lowest rate
	// that was not, or +Inf if all were.
	Lower, Upper float64
	// Trials is the number of trials so far.
	Trials int

	rate       float64 // of the current trials; 0 before the first
	pass, fail int     // results at rate
	confirmed  bool    // the trials at Lower have been repeated
	repeating  bool    // the current trials are those
}

const (
	defaultStartRate = 1000
	defaultPrecision = 0.05
	defaultConfirm   = 2
	defaultMaxTrials = 100
	searchFactor     = 2 // from one rate to the next while one end of the interval is unknown
	minSearchRate    = 1
)

// Next returns the rate of the next trial, or false if the search has ended.
func (s *RateSearch) Next() (rate float64, ok bool) {
	if s.rate == 0 {
		s.Upper = math.Inf(1)
		s.rate = s.limit(orDefault(s.Start, defaultStartRate))
	}
	if s.pass == 0 && s.fail == 0 && !s.choose() {
		return 0, false
	}
	if s.Trials >= int(orDefault(float64(s.MaxTrials), defaultMaxTrials)) {
		return 0, false
	}
	return s.rate, true
}

// Observe records the result of a trial at the rate that Next returned: whether it was within the
// limits.
func (s *RateSearch) Observe(within bool) {
	s.Trials++
	if within {
		s.pass++
	} else {
		s.fail++
	}
	confirm := int(orDefault(float64(s.Confirm), defaultConfirm))
	switch {
	case s.pass >= confirm:
		s.confirmed = s.confirmed || s.repeating
		s.Lower = max(s.Lower, s.rate)
	case s.fail >= confirm:
		s.Upper = min(s.Upper, s.rate)
		if s.Lower >= s.Upper { // the repeated trials contradict the first ones
			s.Lower, s.confirmed = 0, false
		}
	default:
		return
	}
	s.pass, s.fail = 0, 0
}

// choose sets the rate of the next trials. It returns false if the search has ended.
func (s *RateSearch) choose() bool {
	precision := orDefault(s.Precision, defaultPrecision)
	s.repeating = false
	switch {
	case s.Lower == 0 && math.IsInf(s.Upper, 1): // the first rate
	case s.Lower == 0:
		// Below a rate that turned out too high, the rate is probably not far away.
		s.rate = s.Upper / searchFactor
		if s.Upper <= minSearchRate {
			return false
		}
	case math.IsInf(s.Upper, 1):
		if s.Max > 0 && s.Lower >= s.Max {
			return s.repeat()
		}
		s.rate = s.limit(s.Lower * searchFactor)
	case s.Upper/s.Lower > 1+precision:
		s.rate = math.Sqrt(s.Lower * s.Upper)
	default:
		return s.repeat()
	}
	return true
}

// repeat repeats the trials at the lower end, unless that has been done.
func (s *RateSearch) repeat() bool {
	s.rate, s.repeating = s.Lower, true
	return !s.confirmed
}

func (s *RateSearch) limit(rate float64) float64 {
	if s.Max > 0 {
		return min(rate, s.Max)
	}
	return rate
}
