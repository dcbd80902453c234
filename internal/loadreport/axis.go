package loadreport

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// An axis maps values to positions.
type axis struct {
	min, max float64 // both positive if log is set
	log      bool
	ticks    []tick
}

// A tick is a value with a label.
type tick struct {
	at    float64
	label string
}

// position returns the position of x between from and to. Values outside of the axis are moved to
// its ends.
func (a *axis) position(x, from, to float64) float64 {
	low, high := a.min, a.max
	if a.log {
		x, low, high = math.Log10(max(x, low)), math.Log10(low), math.Log10(high)
	}
	share := min(max((x-low)/(high-low), 0), 1)
	return from + share*(to-from)
}

// maxLinear is the largest ratio of durations that a linear axis shows. On a larger one, the
// smaller values would be indistinguishable.
const maxLinear = 30

// durationAxis returns an axis for durations in milliseconds. It begins at 0 or is logarithmic.
func durationAxis(values []float64) axis {
	low, high := 0.0, 0.0
	for _, v := range values {
		if v > 0 && (low == 0 || v < low) {
			low = v
		}
		high = max(high, v)
	}
	if low > 0 && high/low > maxLinear {
		return logAxis(low, high, millisLabel)
	}
	return linearAxis(high, 0, millisLabel)
}

func millisLabel(ms float64) string {
	return duration(time.Duration(math.Round(ms * float64(time.Millisecond))))
}

// linearAxis returns an axis from 0 to at least high, whose ticks are at least minStep apart.
func linearAxis(high, minStep float64, label func(float64) string) axis {
	if high <= 0 {
		high = max(minStep, 1)
	}
	step := max(niceStep(high/5), minStep)
	a := axis{max: math.Ceil(high/step-1e-9) * step}
	for n := 0.0; n*step <= a.max*(1+1e-9); n++ {
		t := tick{n * step, label(n * step)}
		if n == 0 {
			t.label = "0"
		}
		a.ticks = append(a.ticks, t)
	}
	return a
}

// niceStep returns 1, 2 or 5 times a power of ten that is at least x.
func niceStep(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	for _, n := range []float64{1, 2, 5} {
		if n*power >= x*(1-1e-9) {
			return n * power
		}
	}
	return 10 * power
}

// maxLabels is the largest number of labelled ticks of a logarithmic axis.
const maxLabels = 9

// logAxis returns a logarithmic axis from low to high. Its ends and its ticks are 1, 2 or 5 times
// powers of ten. If that makes too many labels, only powers of ten have one, and beyond four
// decades the other ticks are left out.
func logAxis(low, high float64, label func(float64) string) axis {
	a := axis{log: true, min: 1 / niceStep(1/low), max: niceStep(high)}
	decades := math.Log10(a.max / a.min)
	every := int(math.Ceil(decades / (maxLabels - 1))) // powers of ten that share a label
	for e := int(math.Floor(math.Log10(a.min) - 1e-9)); float64(e) <= math.Log10(a.max)+1e-9; e++ {
		for _, n := range []float64{1, 2, 5} {
			t := tick{at: n * math.Pow(10, float64(e))}
			if t.at < a.min*(1-1e-9) || t.at > a.max*(1+1e-9) || n > 1 && decades > 4 {
				continue
			}
			if 3*decades+1 <= maxLabels || n == 1 && e%every == 0 {
				t.label = label(t.at)
			}
			a.ticks = append(a.ticks, t)
		}
	}
	return a
}

// countAxis returns an axis for numbers of requests.
func countAxis(high float64) axis { return linearAxis(high, 1, shortCount) }

// rateAxis returns an axis for events a second.
func rateAxis(high float64) axis { return linearAxis(1.05*high, 0, shortCount) }

// shortCount formats a number, from 10,000 with a suffix for thousands, millions or more.
func shortCount(x float64) string {
	if x < 10_000 {
		if x == math.Trunc(x) {
			return count(int(x))
		}
		return significant(x, 3)
	}
	for _, suffix := range []string{"k", "M", "G"} {
		if x /= 1000; x < 1000 {
			return significant(x, 3) + suffix
		}
	}
	return strconv.FormatFloat(x, 'g', 3, 64) + "G"
}

// timeSteps are the distances between the ticks of a time axis.
var timeSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second,
	30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute,
	20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour,
}

// timeAxis returns an axis for the time since the start, in seconds.
func timeAxis(end time.Duration) axis {
	if end <= 0 {
		end = time.Millisecond
	}
	end = max(end, time.Microsecond) // so that step is positive
	step := time.Duration(niceStep(float64(end) / 6))
	if end > 6*time.Second {
		step = 24 * time.Hour * time.Duration(1+end/(6*24*time.Hour))
		for _, s := range timeSteps {
			if end <= 6*s {
				step = s
				break
			}
		}
	}
	a := axis{max: end.Seconds()}
	for at := time.Duration(0); at <= end; at += step {
		a.ticks = append(a.ticks, tick{at.Seconds(), timeLabel(at, step)})
	}
	return a
}

// timeLabel formats a time in the largest unit in which step is not a fraction.
func timeLabel(at, step time.Duration) string {
	switch {
	case at == 0:
		return "0"
	case step >= time.Hour:
		return count(int(at/time.Hour)) + " h"
	case step >= time.Minute:
		return count(int(at/time.Minute)) + " min"
	default:
		return duration(at)
	}
}

// percentileAxis returns an axis for the logarithm of 1/(1-share) of a distribution of n values.
func percentileAxis(n int) axis {
	a := axis{max: max(1, math.Log10(float64(max(n, 1))))}
	step := math.Ceil(a.max / 6)
	for e := 0.0; e <= a.max; e += step {
		a.ticks = append(a.ticks, tick{e, nines(int(e))})
		if e == 0 && a.max <= 4 {
			a.ticks = append(a.ticks, tick{math.Log10(2), "50 %"})
		}
	}
	return a
}

// nines returns the percentile with the given number of nines.
func nines(n int) string {
	if n == 0 {
		return "0 %"
	}
	digits := strings.Repeat("9", n)
	if n == 1 {
		return "90 %"
	}
	return strings.TrimSuffix(digits[:2]+"."+digits[2:], ".") + " %"
}
