package measure

import (
	"fmt"
	"math"
)

// A RateSearch finds the highest rate at which a server keeps within given limits. The caller runs a
// trial at each rate that Next returns and passes the result, for example of [RateLimits.Judge], to
// Observe. RateSearch does no I/O. It must not be used concurrently.
//
// It doubles the rate from Start until a rate is not within the limits, or halves it until one is.
// Then it tries the geometric mean of the highest rate within the limits and the lowest one beyond
// them, until both are close enough. Near the highest rate, the result of a trial is random, and a
// disturbance of the machine can spoil several trials in succession. The search therefore decides on
// each rate by Confirm equal results. Before it ends, it has decided on both ends of the interval at
// least twice. If the decisions differ, the last one counts, and the search continues. If a decision
// changes for the third time, the search ends with a wider interval around this rate. The draft
// draft-ietf-bmwg-mlrsearch describes the reasons.
type RateSearch struct {
	// Start is the first rate, in requests a second. It must be finite. If not positive, it is 1,000.
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

	// Lower is the highest rate decided to be within the limits, 0 if none was. Upper is the lowest rate
	// decided to be too high, or +Inf if none was. Both can change with each trial.
	Lower, Upper float64
	// UpperUnclear reports that Upper was taken for too high because of unclear trials alone. The highest
	// rate can then be above Upper.
	UpperUnclear bool
	// Trials is the number of trials so far.
	Trials int
	// End is the reason why the search has ended. It is valid when Next has returned false.
	End SearchEnd

	rate     float64             // of the current trials
	results  map[TrialResult]int // of the trials at rate since the latest decision
	decided  map[float64]*decision
	doubtful bool // the latest decision differs from an earlier one, so that its neighbour is in doubt
	excluded bool // the decision on rate changed too often
}

// A SearchEnd is the reason why a [RateSearch] has ended.
type SearchEnd int

const (
	// SearchComplete: Lower and Upper are as close as Precision, Lower is Max, or no rate down to 1
	// request a second was within the limits.
	SearchComplete SearchEnd = iota
	// SearchContradictory: the decision on a rate between Lower and Upper changed three times.
	SearchContradictory
	// SearchExhausted: MaxTrials trials were not enough.
	SearchExhausted
)

// String returns a word such as "complete".
func (e SearchEnd) String() string {
	switch e {
	case SearchComplete:
		return "complete"
	case SearchContradictory:
		return "contradictory"
	case SearchExhausted:
		return "exhausted"
	default:
		return fmt.Sprintf("SearchEnd(%d)", int(e))
	}
}

// A decision is what a RateSearch knows about a rate.
type decision struct {
	within  bool // the rate is within the limits, and otherwise too high
	unclear bool // it is taken for too high because of unclear trials
	times   int  // how often it was decided in succession
	changes int  // how often it changed
}

const (
	defaultStartRate = 1000
	defaultPrecision = 0.05
	defaultConfirm   = 2
	defaultMaxTrials = 100
	searchFactor     = 2 // from one rate to the next while one end of the interval is unknown
	minSearchRate    = 1
	maxChanges       = 3 // of a decision
)

// Next returns the rate of the next trial, or false if the search has ended.
func (s *RateSearch) Next() (rate float64, ok bool) {
	s.begin()
	switch {
	case s.excluded:
		s.End = SearchContradictory
		return 0, false
	case len(s.results) == 0 && !s.choose():
		s.End = SearchComplete
		return 0, false
	case s.Trials >= int(orDefault(float64(s.MaxTrials), defaultMaxTrials)):
		s.End = SearchExhausted
		return 0, false
	default:
		return s.rate, true
	}
}

// begin prepares the first trial.
func (s *RateSearch) begin() {
	if s.decided != nil {
		return
	}
	s.results, s.decided = map[TrialResult]int{}, map[float64]*decision{}
	s.rate, s.Upper = s.limit(orDefault(s.Start, defaultStartRate)), math.Inf(1)
}

// Observe records the result of a trial at the rate that Next returned. The search repeats an unclear
// trial. After 2·Confirm-1 unclear trials, it takes the rate for too high, unless it has decided on it
// before.
func (s *RateSearch) Observe(r TrialResult) {
	s.begin()
	s.Trials++
	s.results[r]++
	confirm := int(orDefault(float64(s.Confirm), defaultConfirm))
	d := s.decided[s.rate]
	switch {
	case s.results[TrialWithin] >= confirm:
		s.decide(decision{within: true})
	case s.results[TrialTooHigh] >= confirm:
		s.decide(decision{})
	case s.results[TrialUnclear] < 2*confirm-1:
		return
	case d != nil: // unclear trials prove nothing against it
		s.decide(*d)
	default:
		s.decide(decision{unclear: true})
	}
	clear(s.results)
	s.bound()
}

// decide decides on the current rate. No rate between it and Lower or Upper has been decided on, so the
// rates within the limits stay below those that are too high.
func (s *RateSearch) decide(by decision) {
	d := s.decided[s.rate]
	if d == nil {
		d = &decision{within: by.within}
		s.decided[s.rate] = d
	}
	if d.within != by.within {
		s.doubtful = true
		d.within, d.times = by.within, 0
		if !d.unclear {
			d.changes++
		}
	}
	d.unclear = by.unclear
	d.times++
	s.excluded = d.changes >= maxChanges
}

// bound determines Lower and Upper. A rate whose decision changed too often is neither, unless no rate
// above it is too high.
func (s *RateSearch) bound() {
	s.Lower, s.Upper = 0, math.Inf(1)
	for rate, d := range s.decided {
		switch {
		case s.excluded && rate == s.rate:
		case d.within:
			s.Lower = max(s.Lower, rate)
		default:
			s.Upper = min(s.Upper, rate)
		}
	}
	if s.excluded && math.IsInf(s.Upper, 1) {
		s.Upper = s.rate
	}
	d := s.decided[s.Upper]
	s.UpperUnclear = d != nil && d.unclear
}

// choose sets the rate of the next trials. It returns false if the search has ended.
func (s *RateSearch) choose() bool {
	precision := orDefault(s.Precision, defaultPrecision)
	bounded := !math.IsInf(s.Upper, 1)
	switch {
	case len(s.decided) == 0: // the first rate
	case s.doubtful && s.rate == s.Upper && s.Lower > 0:
		s.rate = s.Lower
	case s.doubtful && s.rate == s.Lower && bounded:
		s.rate = s.Upper
	case s.Lower == 0 && s.Upper <= minSearchRate:
		return false
	case s.Lower == 0: // the first rate was too high, but probably not by far
		s.rate = max(s.Upper/searchFactor, minSearchRate)
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
