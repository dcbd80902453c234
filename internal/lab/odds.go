package lab

import (
	"math"
	"time"
)

// others is the number of other seeds for which a run computes the outcome.
const others = 1000

// Odds are the chances of an exchange in this network.
type Odds struct {
	// Attempt is the probability that one attempt gets a response, from 0 to 1, apart from time.
	Attempt float64 `json:"attempt"`
	// Attempts is the number of attempts that the schedule allows.
	Attempts int `json:"attempts"`
	// InTime is how many of them are early enough for their response to arrive before the exchange
	// ends, if the delay has no jitter.
	InTime int `json:"in_time"`
	// Down is the probability that all InTime attempts fail.
	Down float64 `json:"down"`
	// Seeds is the number of other seeds for which the outcome was computed, and Answered how many
	// of them end with a response. Datagrams is the mean number of attempts.
	Seeds     int     `json:"seeds"`
	Answered  int     `json:"answered"`
	Datagrams float64 `json:"datagrams"`
}

// odds computes the chances of a schedule.
func odds(s *Settings, waits []time.Duration) Odds {
	o := Odds{Attempt: attemptOdds(s), Attempts: len(waits), Seeds: others}
	var sent, budget time.Duration
	for _, w := range waits {
		budget += w
	}
	for _, w := range waits {
		if sent+2*s.base() < budget {
			o.InTime++
		}
		sent += w
	}
	o.Down = math.Pow(1-o.Attempt, float64(o.InTime))
	other, total := *s, 0
	for n := range others {
		other.Seed = uint32(n)*2654435761 + s.Seed + 1 // Knuth's multiplicative hash
		plan := newPlan(&other, other.Link(), waits)
		if total += len(plan.Waits); plan.Answered {
			o.Answered++
		}
	}
	o.Datagrams = math.Round(100*float64(total)/others) / 100
	return o
}

// attemptOdds returns the probability that an attempt gets at least one response. A request that is
// duplicated gets two responses, of which one is enough.
func attemptOdds(s *Settings) float64 {
	if !s.Server {
		return 0
	}
	loss, duplicate := float64(s.Loss)/100, float64(s.Duplicate)/100
	return (1 - loss) * ((1-duplicate)*(1-loss) + duplicate*(1-loss*loss))
}
