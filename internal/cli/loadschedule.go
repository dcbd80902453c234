package cli

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/ohce/ohce/measure"
)

// A schedule is the times of the requests of a load, from the start of the run.
type schedule struct {
	due  iter.Seq[time.Duration]
	text string  // describes it
	peak float64 // its highest rate, in requests a second; of a closed loop, the highest to be expected
}

// schedule returns the schedule that the flags ask for.
func (f *loadFlags) schedule() (schedule, error) {
	var s schedule
	switch {
	case f.steps != "":
		steps, err := parseSteps(f.steps)
		if err != nil {
			return s, err
		}
		if highest(steps) == 0 {
			return s, usage("write rates and times, as in --steps 1000:10s,2000:10s", "--steps: all rates are 0")
		}
		s = schedule{measure.Steps(steps...), "steps " + f.steps, highest(steps)}
	case f.ramp != "":
		from, to, err := parseRamp(f.ramp)
		if err != nil {
			return s, err
		}
		s = schedule{measure.Ramp(from, to, f.duration), fmt.Sprintf("ramp %s in %v", f.ramp, f.duration),
			max(from, to)}
	case f.closed > 0:
		s = schedule{measure.Regular(0), fmt.Sprintf("%d in flight%s", f.closed, f.forDuration()), closedPeak}
		if f.segments {
			s.peak = closedSegmentsPeak
		}
		s.peak = min(s.peak, closedPeakOfOne*float64(f.closed))
	case f.poisson:
		if !f.given("seed") {
			f.seed = rand.Uint64()
		}
		due := measure.Limit(measure.Poisson(f.rate, f.seed), 0, f.limit())
		text := fmt.Sprintf("%v a second at random times (seed %d)%s", f.rate, f.seed, f.forDuration())
		s = schedule{due, text, f.rate}
	default:
		s = f.constant(f.rate)
	}
	if f.count > 0 {
		s.due = measure.Limit(s.due, f.count, 0)
		s.text = fmt.Sprintf("%s, at most %d requests", s.text, f.count)
	}
	return s, nil
}

// constant returns the schedule of a constant rate.
func (f *loadFlags) constant(rate float64) schedule {
	step := measure.Step{Rate: rate, Duration: f.duration}
	if f.limit() == 0 {
		step.Duration = 100 * 365 * 24 * time.Hour // --count ends the load
	}
	return schedule{measure.Steps(step), fmt.Sprintf("%v a second%s", rate, f.forDuration()), rate}
}

// The highest rates to be expected of a closed loop.
const (
	closedPeak         = 500_000
	closedSegmentsPeak = 5_000_000
	closedPeakOfOne    = 100_000 // with one request in flight
)

// The limits of the requests that all clients together remember, and the smallest number of a client. The
// highest one takes some 200 MB.
const (
	minRemembered = 1 << 17
	maxRemembered = 1 << 22
	leastOfClient = 1 << 10
)

// maxInFlight returns measure.Load.MaxInFlight for a rate: so many requests that lost ones do not keep a
// client from sending others before they time out, as far as the memory allows.
func (f *loadFlags) maxInFlight(rate float64) int {
	const reserve = 0.1 // s, until the client notices that a request has timed out
	seconds := f.timeout.Seconds() + reserve
	if limit := f.limit(); limit > 0 && f.steps == "" {
		seconds = min(seconds, limit.Seconds())
	}
	clients := float64(f.clients)
	n := min(max(rate*seconds, minRemembered), maxRemembered) / clients
	return int(max(n, leastOfClient))
}

// highest returns the highest rate of steps.
func highest(steps []measure.Step) (rate float64) {
	for _, s := range steps {
		rate = max(rate, s.Rate)
	}
	return rate
}

// forDuration describes the time limit of a load.
func (f *loadFlags) forDuration() string {
	if f.limit() == 0 {
		return ""
	}
	return fmt.Sprintf(" for %v", f.duration)
}

// limit returns the time limit of a load, or 0 if --count is the only limit.
func (f *loadFlags) limit() time.Duration {
	if f.count > 0 && !f.given("duration") {
		return 0
	}
	return f.duration
}

// parseSteps parses a list such as 1000:10s,2000:10s.
func parseSteps(list string) (steps []measure.Step, err error) {
	const hint = "write rates and times, as in --steps 1000:10s,2000:10s"
	for item := range strings.SplitSeq(list, ",") {
		rate, duration, found := strings.Cut(item, ":")
		if !found {
			return nil, usage(hint, "--steps: %q has no time", item)
		}
		var step measure.Step
		if step.Rate, err = parseRate(rate); err != nil {
			return nil, usage(hint, "--steps: %q is not a rate", rate)
		}
		if step.Duration, err = time.ParseDuration(duration); err != nil || step.Duration <= 0 {
			return nil, usage(hint, "--steps: %q is not a time", duration)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

// parseRamp parses two rates such as 0:10000.
func parseRamp(text string) (from, to float64, err error) {
	const hint = "write two rates, as in --ramp 0:10000"
	first, second, found := strings.Cut(text, ":")
	if !found {
		return 0, 0, usage(hint, "--ramp: %q is only one rate", text)
	}
	for _, r := range []struct {
		text string
		rate *float64
	}{{first, &from}, {second, &to}} {
		if *r.rate, err = parseRate(r.text); err != nil {
			return 0, 0, usage(hint, "--ramp: %q is not a rate", r.text)
		}
	}
	if from+to == 0 {
		return 0, 0, usage(hint, "--ramp: both rates are 0")
	}
	return from, to, nil
}

// parseRate parses a rate that is not negative.
func parseRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(text, 64)
	if err == nil && !(rate >= 0 && rate <= maxRate) {
		err = strconv.ErrRange
	}
	return rate, err
}

// maxRate is the highest rate of a load, a request each nanosecond.
const maxRate = 1e9
