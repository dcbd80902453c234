package measure

import (
	"math"
	"strings"
	"time"
)

// A figure is a value of a report that Compare compares. It is the ratio of two sums over
// intervals, so that the same estimate applies to all figures.
type figure struct {
	name string
	unit string
	// terms returns what an interval of the given length adds to the numerator and the denominator.
	terms func(i Interval, length time.Duration) (num, den float64)
	// share is set if the figure is a share in percent. Its change is a difference in percentage
	// points and not relative.
	share bool
	// lessIsWorse is set if a smaller value is worse.
	lessIsWorse bool
}

// durations are the figures of a Distribution.
var durations = []struct {
	name string
	of   func(d Distribution) time.Duration
}{
	{"median", func(d Distribution) time.Duration { return d.Median }},
	{"mean", func(d Distribution) time.Duration { return d.Mean }},
	{"p90", func(d Distribution) time.Duration { return d.P90 }},
	{"p99", func(d Distribution) time.Duration { return d.P99 }},
	{"p999", func(d Distribution) time.Duration { return d.P999 }},
	{"max", func(d Distribution) time.Duration { return d.Max }},
}

const servicePrefix = "service."

// FigureNames returns the names of the figures that a [Threshold] can have.
func FigureNames() []string {
	var latency, service []string
	for _, d := range durations {
		latency = append(latency, d.name)
		service = append(service, servicePrefix+d.name)
	}
	return append(append(latency, service...), "loss", "answered_rate")
}

// figureOf returns the figure with the given name.
func figureOf(name string) (f figure, ok bool) {
	switch name {
	case "loss":
		return figure{name: name, unit: "%", terms: lossTerms, share: true}, true
	case "answered_rate":
		return figure{name: name, unit: "/s", terms: rateTerms, lessIsWorse: true}, true
	}
	short, service := strings.CutPrefix(name, servicePrefix)
	for _, d := range durations {
		if d.name == short {
			return figure{name: name, unit: "ms", terms: func(i Interval, _ time.Duration) (num, den float64) {
				of := i.Latency
				if service {
					of = i.Service
				}
				den = float64(i.Answered)
				return den * float64(d.of(of)) / float64(time.Millisecond), den
			}}, true
		}
	}
	return figure{}, false
}

// lossTerms makes the share of the requests that ended without a right response in time.
func lossTerms(i Interval, _ time.Duration) (num, den float64) {
	failed := i.Lost + i.Refused
	return 100 * float64(failed), float64(i.Answered + failed)
}

// rateTerms makes the rate of responses.
func rateTerms(i Interval, length time.Duration) (num, den float64) {
	return float64(i.Answered), length.Seconds()
}

// estimate returns an estimate of the figure of a run.
func (f *figure) estimate(intervals []Interval) estimate {
	var num, den []float64
	length := intervalLength(intervals)
	for _, i := range intervals {
		n, d := f.terms(i, length)
		num, den = append(num, n), append(den, d)
	}
	e := estimateRatio(num, den)
	if f.share {
		e.se = max(e.se, shareError(e.value*e.weight/100, e.weight))
	}
	return e
}

// shareError returns the standard error in percent of a share of failed among n independent
// requests. As for the difference of two shares, it adds one success and one failure (Agresti and
// Caffo, The American Statistician 54, 2000): otherwise, a run without a failure would have no
// error.
func shareError(failed, n float64) float64 {
	p := (failed + 1) / (n + 2)
	return 100 * math.Sqrt(p*(1-p)/(n+2))
}

// intervalLength returns the length of the intervals, or 0 if there are fewer than two.
func intervalLength(intervals []Interval) time.Duration {
	if len(intervals) < 2 {
		return 0
	}
	return intervals[1].Begin.Duration() - intervals[0].Begin.Duration()
}

// complete returns the intervals that ended before the last transmission. It leaves out the last
// part of a run, which is shorter than an interval, and the time in which responses are awaited.
func (r *Report) complete() []Interval {
	length := intervalLength(r.Intervals)
	for n, i := range r.Intervals {
		if i.Begin.Duration()+length*95/100 > r.Duration.Duration() {
			return r.Intervals[:n]
		}
	}
	return r.Intervals
}
