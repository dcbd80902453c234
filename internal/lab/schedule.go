package lab

import (
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/link"
)

// A schedule is how long each attempt of an exchange waits.
type schedule struct {
	name  string // of --retry
	waits []time.Duration
	// rtt is the smoothed round-trip time of the adaptive schedule, or 0 if it is not known.
	rtt time.Duration
}

// earlier is the number of exchanges from which the adaptive schedule knows the round-trip time.
const earlier = 8

// schedules returns the linear and the adaptive schedule for a run.
func schedules(s *Settings) []schedule {
	return []schedule{linearSchedule(), adaptiveSchedule(s)}
}

func linearSchedule() schedule {
	r := ohce.LinearRetry()
	one := schedule{name: "linear"}
	for n := range r.Attempts() {
		one.waits = append(one.waits, r.Wait(n+1))
	}
	return one
}

// adaptiveSchedule returns the waits of ohce.AdaptiveRetry after a few exchanges without loss. The
// link's delays decide their round-trip times, and only exchanges with one attempt count. A client
// lengthens each wait by up to a tenth at random; the lab does not, so that a run repeats.
func adaptiveSchedule(s *Settings) schedule {
	before := Settings{Delay: s.Delay, Jitter: s.Jitter, Seed: ^s.Seed}
	quiet := before.Link()
	var estimator exchange.Estimator
	var arrivals []link.Arrival
	for n := range earlier {
		at := time.Duration(n) * time.Minute // one after the other
		arrivals = quiet.PassUp(arrivals[:0], at, nil)
		rtt := arrivals[0].After
		arrivals = quiet.PassDown(arrivals[:0], at+rtt, nil)
		rtt += arrivals[0].After
		if rto, _ := estimator.Timeout(); rtt < rto { // otherwise there are two attempts: no sample
			estimator.Sample(rtt)
		}
	}
	rto, srtt := estimator.Timeout()
	waits := exchange.Schedule{Budget: ohce.AdaptiveRetry(0).Budget()}.Timeouts(rto, srtt)
	var end, rounded time.Duration
	for i, w := range waits { // the page shows milliseconds
		end += w
		waits[i] = end.Round(time.Millisecond) - rounded
		rounded = end.Round(time.Millisecond)
	}
	return schedule{name: "adaptive", waits: waits, rtt: srtt}
}

// budget returns the time after which an exchange without a response ends.
func (s *schedule) budget() (sum time.Duration) {
	for _, w := range s.waits {
		sum += w
	}
	return sum
}
