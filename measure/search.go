package measure

import "math"

// A RateSearch finds the highest rate at which a server keeps within given limits. The caller runs a
// trial at each rate that Next returns and passes the result, for example of [RateLimits.Judge], to
// Observe. RateSearch does no I/O.
//
// It doubles the rate from Start until a rate is not within the limits, or halves it until one is.
// Then it tries the geometric mean of the highest rate within the limits and the lowest one beyond
// them, until both are close enough. Near the highest rate, the result of a trial is random, and a
// disturbance of the machine can spoil several trials in succession. The search therefore decides on
// each rate by Confirm equal results, and at the end repeats the trials at both ends of the interval.
// If they contradict the earlier ones, the later ones count, and the search continues. If the decision
// on a rate changes for the third time, the search ends with a wider interval around this rate. The
// draft draft-ietf-bmwg-mlrsearch describes the reasons.
type RateSearch struct {
	// Start is the first rate, in requests a second. If not positive, it is 1,000.
	Start float64
	// Max is the highest rate to try. If not positive, there is no limit.
	Max float64
	// Precision is how far Upper may exceed Lower in the end: 0.05 is 5 %. If not positive, it is 0.05.
	// The interval is wider if the results contradict each other.
	Precision float64
	// Confirm is the number of equal results that decide on a rate. If not positive, it is 2.
	Confirm int
	// MaxTrials is the largest number of trials. If not positive, it is 100.
	MaxTrials int

	// Lower is the highest rate that was within the limits, 0 if none was. Upper is the lowest rate
	// that was not, or +Inf if all were. Both change with each decision.
	Lower, Upper float64
	// Trials is the number of trials so far.
	Trials int

	rate     float64             // of the current trials; 0 before the first
	results  map[TrialResult]int // of the trials at rate since the latest decision
	decided  map[float64]*decision
	doubtful bool // the latest decision contradicts an earlier one, so that its neighbour is in doubt
	ended    bool // because a decision changed too often
}

// A decision is what a RateSearch knows about a rate.
type decision struct {
	result  TrialResult // TrialWithin or TrialTooHigh
	times   int         // how often it was decided in succession
	changes int         // how often it changed
}

const (
	defaultStartRate = 1000
	defaultPrecision = 0.05
	defaultConfirm   = 2
	defaultMaxTrials = 100
	searchFactor     = 2 // from one rate to the next while one end of the interval is unknown
	minSearchRate    = 1
	maxChanges       = 3 // of the decision on a rate
)

// Next returns the rate of the next trial, or false if the search has ended.
func (s *RateSearch) Next() (rate float64, ok bool) {
	if s.rate == 0 {
		s.Upper = math.Inf(1)
		s.results, s.decided = map[TrialResult]int{}, map[float64]*decision{}
	}
	if s.ended || len(s.results) == 0 && !s.choose() {
		return 0, false
	}
	if s.Trials >= int(orDefault(float64(s.MaxTrials), defaultMaxTrials)) {
		return 0, false
	}
	return s.rate, true
}

// Observe records the result of a trial at the rate that Next returned. The search repeats an unclear
// trial. After 2·Confirm-1 unclear trials at a rate, it takes the rate for too high.
func (s *RateSearch) Observe(r TrialResult) {
	s.Trials++
	s.results[r]++
	confirm := int(orDefault(float64(s.Confirm), defaultConfirm))
	switch {
	case s.results[TrialWithin] >= confirm:
		s.decide(TrialWithin)
	case s.results[TrialTooHigh] >= confirm || s.results[TrialUnclear] >= 2*confirm-1:
		s.decide(TrialTooHigh)
	}
}

// decide decides on the current rate. It is next to Lower or Upper or one of them, so the rates within the
// limits stay below those that are too high.
func (s *RateSearch) decide(result TrialResult) {
	clear(s.results)
	d := s.decided[s.rate]
	if d == nil {
		d = &decision{result: result}
		s.decided[s.rate] = d
	}
	if d.result != result {
		s.doubtful = true
		d.result, d.times = result, 0
		d.changes++
	}
	d.times++
	s.ended = d.changes >= maxChanges
	s.bound()
}

// bound determines Lower and Upper. A rate whose decision changed too often is neither.
func (s *RateSearch) bound() {
	s.Lower, s.Upper = 0, math.Inf(1)
	for rate, d := range s.decided {
		switch {
		case s.ended && rate == s.rate:
		case d.result == TrialWithin:
			s.Lower = max(s.Lower, rate)
		default:
			s.Upper = min(s.Upper, rate)
		}
	}
}

// choose sets the rate of the next trials. It returns false if the search has ended.
func (s *RateSearch) choose() bool {
	precision := orDefault(s.Precision, defaultPrecision)
	bounded := !math.IsInf(s.Upper, 1)
	switch {
	case s.rate == 0:
		s.rate = s.limit(orDefault(s.Start, defaultStartRate))
	case s.doubtful && s.rate == s.Upper && s.Lower > 0:
		s.rate = s.Lower
	case s.doubtful && s.rate == s.Lower && bounded:
		s.rate = s.Upper
	case s.Lower == 0 && s.Upper <= minSearchRate:
		return false
	case s.Lower == 0: // the first rate was too high, but probably not by far
		s.rate = s.Upper / searchFactor
	case !bounded && (s.Max <= 0 || s.Lower < s.Max):
		s.rate = s.limit(s.Lower * searchFactor)
	case bounded && s.Upper/s.Lower > 1+precision:
		s.rate = math.Sqrt(s.Lower * s.Upper)
	case s.decided[s.Lower].times < 2:
		s.rate = s.Lower
	case bounded && s.decided[s.Upper].times < 2:
		s.rate = s.Upper
	default:
		return false
	}
	s.doubtful = false
	return true
}

func (s *RateSearch) limit(rate float64) float64 {
	if s.Max > 0 {
		return min(rate, s.Max)
	}
	return rate
}
