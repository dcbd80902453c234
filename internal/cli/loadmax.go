package cli

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ohce/ohce/internal/loadreport"
	"github.com/ohce/ohce/measure"
)

// A trialJSON is a trial of ohce load --find-max --json. LossPercent is that of measure.Report.
type trialJSON struct {
	Rate        float64              `json:"rate"`
	Within      bool                 `json:"within"`
	Unclear     bool                 `json:"unclear"`
	LossPercent float64              `json:"loss_percent"`
	Latency     measure.Distribution `json:"latency_ms"`
	Trustworthy bool                 `json:"trustworthy"`
}

// A maxJSON is the result of ohce load --find-max --json. Upper is null if no rate was too high.
type maxJSON struct {
	Target string      `json:"target"`
	Lower  float64     `json:"lower_rate"`
	Upper  *float64    `json:"upper_rate"`
	Limit  string      `json:"limit"` // limitServer or limitGenerator
	End    string      `json:"end"`   // a measure.SearchEnd
	Trials []trialJSON `json:"trials"`
}

// The values of maxJSON.Limit: what was too slow for the rate Upper.
const (
	limitServer    = "server"
	limitGenerator = "generator"
)

// A maxSearch searches the highest rate of a loader's target.
type maxSearch struct {
	*loader
	limits measure.RateLimits
	search measure.RateSearch
	trials []trialJSON
}

// findMax searches the highest rate within --max-loss and --max-p99.
func (l *loader) findMax(ctx context.Context) error {
	share, err := parseShare(l.flags.maxLoss)
	if err != nil {
		return err
	}
	s := &maxSearch{loader: l, limits: measure.RateLimits{Loss: share, P99: l.flags.maxP99}}
	s.search.Start, s.search.Max = l.flags.rate, maxRate
	for rate, ok := s.search.Next(); ok; rate, ok = s.search.Next() {
		result, err := s.trial(ctx, rate)
		if ctx.Err() != nil {
			return &failure{what: "interrupted after " + plural(s.search.Trials, "trial"), code: exitFail}
		}
		if err != nil {
			return err
		}
		s.search.Observe(result)
	}
	return s.report()
}

// trial runs a trial.
func (s *maxSearch) trial(ctx context.Context, rate float64) (result measure.TrialResult, err error) {
	s.load.MaxInFlight = s.flags.maxInFlight(rate)
	r, err := s.load.Run(ctx, s.flags.constant(rate).due)
	if err != nil {
		return result, &failure{what: rootCause(err).Error(), code: exitFail}
	}
	if len(s.trials) == 0 && silent(r) {
		return result, noAnswer(r, s.target)
	}
	result = s.limits.Judge(r)
	s.trials = append(s.trials, trialJSON{
		Rate: rate, Within: result == measure.TrialWithin, Unclear: result == measure.TrialUnclear,
		LossPercent: r.LossPercent, Latency: r.Latency, Trustworthy: r.Trustworthy,
	})
	if s.flags.json || ctx.Err() != nil {
		return result, nil
	}
	text := result.String()
	if result == measure.TrialUnclear {
		text += ": " + strings.Join(loadreport.Doubts(r), " ")
	}
	loss := 100 * float64(r.Sent-r.Answered) / float64(max(r.Sent, 1)) // LossPercent is rounded
	return result, s.write(fmt.Sprintf("%s a second: loss %.3f %%, p99 %s: %s\n", perSecond(rate), loss,
		inMillis(r.Latency.P99), text))
}

// report prints the result of the search.
func (s *maxSearch) report() error {
	upper, limit := &s.search.Upper, limitServer
	if math.IsInf(*upper, 1) {
		upper = nil
	}
	if s.search.UpperUnclear {
		limit = limitGenerator
	}
	if s.flags.json {
		r := maxJSON{s.target, s.search.Lower, upper, limit, s.search.End.String(), s.trials}
		if err := s.write(string(marshal(r))); err != nil {
			return err
		}
	} else if err := s.write(s.text()); err != nil {
		return err
	}
	switch {
	case limit == limitGenerator:
		return &failure{what: "this machine limits the rate rather than the server", code: exitUntrusted,
			hint: "use --segments or a faster machine"}
	case s.search.End == measure.SearchExhausted:
		return &failure{what: fmt.Sprintf("%s were not enough", plural(s.search.Trials, "trial")), code: exitFail,
			hint: "begin with a --rate near the result, or make trials longer with --duration"}
	case s.search.Lower == 0:
		return &failure{what: fmt.Sprintf("%s is not within the limits at any rate", s.target), code: exitFail,
			hint: "allow more with --max-loss and --max-p99"}
	default:
		return nil
	}
}

// text describes the result of the search.
func (s *maxSearch) text() string {
	limits := fmt.Sprintf("loss at most %v%%", float32(100*s.limits.Loss))
	if s.flags.maxP99 > 0 {
		limits += fmt.Sprintf(", p99 at most %v", s.flags.maxP99)
	}
	limits = fmt.Sprintf("(%s, %s)", limits, plural(s.search.Trials, "trial"))
	if s.search.End == measure.SearchContradictory {
		limits += "; the results in between contradict each other"
	}
	lower, upper := perSecond(s.search.Lower), perSecond(s.search.Upper)
	switch {
	case math.IsInf(s.search.Upper, 1):
		return fmt.Sprintf("\nhighest rate: at least %s requests a second %s\n", lower, limits)
	case s.search.UpperUnclear:
		return fmt.Sprintf("\nhighest rate: at least %s requests a second %s; %s a second is too high for "+
			"this machine\n", lower, limits, upper)
	default:
		return fmt.Sprintf("\nhighest rate: between %s and %s requests a second %s\n", lower, upper, limits)
	}
}

// perSecond formats a rate with three digits or all digits before the point.
func perSecond(rate float64) string {
	if rate >= 100 {
		return fmt.Sprintf("%.0f", rate)
	}
	return fmt.Sprintf("%.3g", rate)
}

// parseShare parses a share such as 0.1% or 0.001.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share >= 0 && share <= 1) {
		return 0, usage("give a share such as 0.1%", "--max-loss: %q is not a share from 0 to 100%%", text)
	}
	return share, nil
}

// trialDuration is the default of --duration with --find-max.
const trialDuration = 2 * time.Second
