package measure

import (
	"fmt"
	"math"
)

// A Threshold is the largest change of a figure for the worse that [Compare] accepts.
type Threshold struct {
	// Figure is one of [FigureNames]. median, mean, p90, p99, p999 and max are latencies, and with
	// the prefix "service." service times. loss is the share of the requests without a right
	// response in time, as Report.LossPercent, and answered_rate the rate of right responses.
	Figure string
	// Percent is the change in percent of the earlier value, for loss in percentage points. It must
	// be positive.
	Percent float64
}

// A Verdict is the result for one figure.
type Verdict int

const (
	// Same means that the change is not for the worse by more than the threshold, and not Better: the
	// confidence interval does not go beyond the threshold for the worse.
	Same Verdict = iota
	// Better means that the figure changed for the better by more than the threshold: the
	// confidence interval lies beyond it.
	Better
	// Worse means that the figure changed for the worse by more than the threshold: the confidence
	// interval lies beyond it.
	Worse
	// Unclear means that the confidence interval includes the threshold for the worse, or that a run
	// has no value.
	Unclear
)

var verdicts = [...]string{"same", "better", "worse", "unclear"}

// String returns the name of the verdict in lower case.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdicts) {
		return fmt.Sprintf("Verdict(%d)", int(v))
	}
	return verdicts[v]
}

// A Change is the change of a figure from one run to another.
type Change struct {
	Threshold
	// Unit is the unit of A and B: "ms", "%" or "/s".
	Unit string
	// A and B are the values of the figure in the complete intervals of both runs. A latency or
	// service time is the mean of the values of the intervals, weighted by their responses.
	A, B float64
	// Known is false if a run has no value, or the change relative to 0 is unknown. The following
	// fields are 0 then.
	Known bool
	// Change is B relative to A in percent, for loss the difference in percentage points. Low and
	// High are the ends of its 95 % confidence interval.
	Change, Low, High float64
	Verdict           Verdict
}

// MinIntervals is the number of complete intervals that [Compare] needs from each run.
const MinIntervals = 10

// A FewIntervalsError reports that a run has too few complete intervals for a comparison.
type FewIntervalsError struct {
	Run       int // 1 or 2
	Intervals int // complete ones
}

// Error describes the error.
func (e *FewIntervalsError) Error() string {
	return fmt.Sprintf("run %d has %d complete intervals, want at least %d", e.Run, e.Intervals,
		MinIntervals)
}

// Compare compares the figures of two runs, each with its threshold. It estimates the noise of a
// run from the differences between its intervals: a confidence interval is Welch's t-interval of
// the means of 10 groups of consecutive intervals. The error for a run with too few intervals is a
// *[FewIntervalsError]. It returns another error for an unknown figure, and for a threshold that is
// not positive. Compare does not consider whether the reports are trustworthy.
func Compare(a, b *Report, thresholds []Threshold) ([]Change, error) {
	ia, ib := a.complete(), b.complete()
	for run, intervals := range [][]Interval{ia, ib} {
		if len(intervals) < MinIntervals {
			return nil, &FewIntervalsError{run + 1, len(intervals)}
		}
	}
	var all []Change
	for _, t := range thresholds {
		f, ok := figureOf(t.Figure)
		if !ok {
			return nil, fmt.Errorf("unknown figure %q", t.Figure)
		}
		if !(t.Percent > 0) {
			return nil, fmt.Errorf("threshold %v of %s is not positive", t.Percent, t.Figure)
		}
		all = append(all, f.compare(f.estimate(ia), f.estimate(ib), t))
	}
	return all, nil
}

// compare compares two estimates of the figure.
func (f *figure) compare(a, b estimate, t Threshold) Change {
	c := Change{Threshold: t, Unit: f.unit, A: a.value, B: b.value, Verdict: Unclear}
	var d change
	switch {
	case a.weight <= 0 || b.weight <= 0:
		return c
	case f.share:
		d = difference(a, b)
	case a.value <= 0:
		return c
	case b.value <= 0:
		d = change{-100, -100, -100}
	default:
		d = relative(a, b)
		d = change{100 * d.value, 100 * d.low, 100 * d.high}
	}
	if math.IsNaN(d.high-d.low) || math.IsInf(d.high-d.low, 0) {
		return c // a report with impossible values
	}
	c.Known, c.Change, c.Low, c.High = true, d.value, d.low, d.high
	if f.lessIsWorse {
		c.Verdict = verdict(-d.high, -d.low, t.Percent)
	} else {
		c.Verdict = verdict(d.low, d.high, t.Percent)
	}
	return c
}

// verdict returns the verdict for a change between low and high for the worse.
func verdict(low, high, threshold float64) Verdict {
	switch {
	case low > threshold:
		return Worse
	case high < -threshold:
		return Better
	case high <= threshold:
		return Same
	default:
		return Unclear
	}
}
