package lab

import (
	"fmt"
	"math"
	"time"

	"github.com/ohce/ohce/flip"
)

// A Result is what a run shows. All times are in milliseconds since the first attempt.
type Result struct {
	// Query holds the settings.
	Query     string            `json:"query"`
	Exchanges []*ExchangeResult `json:"exchanges"`
}

// An ExchangeResult is an exchange with its explanations. All but Ports, Differs and the measured
// times follow from the settings alone.
type ExchangeResult struct {
	Schedule string `json:"schedule"` // linear or adaptive
	Title    string `json:"title"`
	About    string `json:"about"`
	Outcome  string `json:"outcome"`
	Answered bool   `json:"answered"`

	Request   string           `json:"request"`
	Response  string           `json:"response"`
	End       float64          `json:"end"` // of the last step
	Attempts  []AttemptResult  `json:"attempts"`
	Datagrams []DatagramResult `json:"datagrams"`
	Steps     []StepResult     `json:"steps"`
	Odds      Odds             `json:"odds"`
	Chances   string           `json:"chances"`

	Ports Ports `json:"ports"`
	// Differs says how the exchange on the sockets differed from what the seed decides. It is empty
	// if it did not.
	Differs string `json:"differs,omitempty"`
}

// An AttemptResult is the wait of an attempt.
type AttemptResult struct {
	Sent  float64 `json:"sent"`
	Wait  float64 `json:"wait"`
	Until float64 `json:"until"` // the end of the wait, by a response or the timer
}

// A DatagramResult is a datagram on the link.
type DatagramResult struct {
	Up      bool    `json:"up"`
	Attempt int     `json:"attempt"`
	Copy    bool    `json:"copy"`
	Lost    bool    `json:"lost"`
	Sent    float64 `json:"sent"`
	Arrives float64 `json:"arrives"`
	Fate    Kind    `json:"fate"` // the kind of the step at its end
}

// A StepResult is a step with its explanation.
type StepResult struct {
	Kind     Kind     `json:"kind"`
	At       float64  `json:"at"`
	Attempt  int      `json:"attempt"`
	Text     string   `json:"text"`
	Why      string   `json:"why"`
	Code     []string `json:"code"` // the parts of the listings that perform it
	Measured *float64 `json:"measured,omitempty"`
}

// inMilliseconds rounds to a tenth.
func inMilliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*10) / 10
}

// newExchangeResult combines a plan with the record of the exchange. measured is nil if the exchange
// differs from the plan.
func newExchangeResult(s *Settings, one *schedule, plan *Plan, r *recorder, measured []time.Duration,
	differs string) *ExchangeResult {
	e := &explainer{settings: s, schedule: one, plan: plan, response: string(flip.Append(nil, []byte(s.Text)))}
	o := odds(s, one.waits)
	result := &ExchangeResult{
		Schedule: one.name, Title: e.title(), About: e.about(), Outcome: e.outcome(), Answered: plan.Answered,
		Request: s.Text, Response: e.response, End: inMilliseconds(plan.End),
		Attempts: attemptResults(plan), Datagrams: datagramResults(plan),
		Odds: o, Chances: e.chances(&o), Ports: r.ports, Differs: differs,
	}
	for i, step := range plan.Steps {
		text, why := e.explain(i)
		sr := StepResult{
			Kind: step.Kind, At: inMilliseconds(step.At), Attempt: step.Attempt, Text: text, Why: why,
			Code: codeOf(step),
		}
		if measured != nil && measured[i] >= 0 {
			ms := math.Round(float64(measured[i])/float64(time.Microsecond)) / 1000
			sr.Measured = &ms
		}
		result.Steps = append(result.Steps, sr)
	}
	return result
}

func attemptResults(plan *Plan) (all []AttemptResult) {
	var sent time.Duration
	for _, wait := range plan.Waits {
		all = append(all, AttemptResult{
			Sent: inMilliseconds(sent), Wait: inMilliseconds(wait),
			Until: inMilliseconds(min(sent+wait, plan.Elapsed)),
		})
		sent += wait
	}
	return all
}

func datagramResults(plan *Plan) []DatagramResult {
	all := make([]DatagramResult, len(plan.Datagrams))
	for i, d := range plan.Datagrams {
		all[i] = DatagramResult{
			Up: d.Up, Attempt: d.Attempt, Copy: d.Copy, Lost: d.Lost,
			Sent: inMilliseconds(d.Sent), Arrives: inMilliseconds(d.Arrives),
		}
	}
	for _, step := range plan.Steps {
		if step.Datagram >= 0 && step.Kind != Sent {
			all[step.Datagram].Fate = step.Kind
		}
	}
	return all
}

// milliseconds of a duration as text, such as "100 ms".
func inText(d time.Duration) string {
	return fmt.Sprintf("%g ms", math.Round(float64(d)/float64(time.Millisecond)))
}
