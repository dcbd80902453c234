package measure

import (
	"iter"
	"math"
	"math/rand/v2"
	"time"
)

// Regular returns due times at a constant interval: 0, interval, 2·interval, and so on without end.
// If interval is zero, all requests are due at once. Regular panics if interval is negative.
func Regular(interval time.Duration) iter.Seq[time.Duration] {
	if interval < 0 {
		panic("measure: Regular: the interval is negative")
	}
	return func(yield func(time.Duration) bool) {
		for due := time.Duration(0); yield(due); due += interval {
		}
	}
}

// Poisson returns the due times of a Poisson process with the given mean rate in requests a second,
// without end. The first is 0. The requests of many independent clients together are such a process.
// Equal seeds give equal times. Poisson panics if rate is not positive.
func Poisson(rate float64, seed uint64) iter.Seq[time.Duration] {
	if !(rate > 0) {
		panic("measure: Poisson: the rate is not positive")
	}
	return func(yield func(time.Duration) bool) {
		random := rand.New(rand.NewPCG(seed, 0))
		for due := 0.0; yield(time.Duration(due * float64(time.Second))); {
			due += random.ExpFloat64() / rate
		}
	}
}

// A Step is a time with a constant rate.
type Step struct {
	// Rate is the number of requests a second. If it is not positive, no request is due.
	Rate float64
	// Duration is the length of the step.
	Duration time.Duration
}

// Steps returns the due times of consecutive steps. In each step the requests are due at regular
// intervals, beginning with the step.
func Steps(steps ...Step) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		begin := time.Duration(0)
		for _, s := range steps {
			for n := 0; s.Rate > 0; n++ {
				at := time.Duration(float64(n) / s.Rate * float64(time.Second))
				if at >= s.Duration {
					break
				}
				if !yield(begin + at) {
					return
				}
			}
			begin += s.Duration
		}
	}
}

// Ramp returns the due times of a rate that changes linearly from one value to another, in requests a
// second, within a duration. The first is 0. Ramp panics if a rate is negative or not a number.
func Ramp(from, to float64, duration time.Duration) iter.Seq[time.Duration] {
	if !(from >= 0 && to >= 0) {
		panic("measure: Ramp: a rate is not positive")
	}
	seconds := duration.Seconds()
	slope := (to - from) / seconds
	total := (from + to) / 2 * seconds
	return func(yield func(time.Duration) bool) {
		for n := 0.0; n < total; n++ {
			// The number of requests up to t is from·t + slope·t²/2. This form of its inverse is exact
			// for a slope near 0.
			root := math.Sqrt(max(from*from+2*slope*n, 0))
			at := 0.0
			if n > 0 {
				at = 2 * n / (from + root)
			}
			if !yield(time.Duration(at * float64(time.Second))) {
				return
			}
		}
	}
}

// Limit returns the first due times of a sequence: at most n of them, and only those before end. A
// zero n or end is no limit.
func Limit(due iter.Seq[time.Duration], n int, end time.Duration) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		count := 0
		for at := range due {
			if n > 0 && count == n || end > 0 && at >= end || !yield(at) {
				return
			}
			if count++; count == n {
				return
			}
		}
	}
}
