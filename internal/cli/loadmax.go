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

// A trialJSON is a trial of ohce load --find-max --json.
type trialJSON struct {
	Rate        float64              `json:"rate"`
	Within      bool                 `json:"within"`
	LossPercent float64              `json:"loss_percent"`
	Latency     measure.Distribution `json:"latency_ms"`
	Trustworthy bool                 `json:"trustworthy"`
}

// A maxJSON is the result of ohce load --find-max --json. Upper is null if no rate was too high.
type maxJSON struct {
	Target string      `json:"target"`
	Lower  float64     `json:"lower_rate"`
	Upper  *float64    `json:"upper_rate"`
	Limit  string      `json:"limit"` // server or generator
	Trials []trialJSON `json:"trials"`
}

// A maxSearch searches the highest rate of a loader's target.
type maxSearch struct {
	*loader
	maxLoss float64 // in percent
	search  measure.RateSearch
	trials  []trialJSON
	own     float64 // the lowest rate at which this machine, and not the server, was too slow
}

// findMax searches the highest rate within --max-loss and --max-p99.
func (l *loader) findMax(ctx context.Context) error {
	share, err := parseShare(l.flags.maxLoss)
	if err != nil {
		return err
	}
	s := &maxSearch{loader: l, maxLoss: 100 * share, own: math.Inf(1)}
	s.search.Start = l.flags.rate
	for rate, ok := s.search.Next(); ok; rate, ok = s.search.Next() {
		within, err := s.trial(ctx, rate)
		if ctx.Err() != nil {
			return &failure{what: "interrupted after " + plural(s.search.Trials, "trial"), code: exitFail}
		}
		if err != nil {
			return err
		}
		s.search.Observe(within)
	}
	return s.report()
}

// trial runs a trial and reports whether it was within the bounds.
func (s *maxSearch) trial(ctx context.Context, rate float64) (within bool, err error) {
	r, err := s.load.Run(ctx, s.flags.constant(rate).due)
	if err != nil {
		return false, &failure{what: rootCause(err).Error(), code: exitFail}
	}
	lost := 100 * float64(r.Sent-r.Answered) / float64(max(r.Sent, 1))
	within = r.Trustworthy && r.Answered > 0 && lost <= s.maxLoss &&
		(s.flags.maxP99 == 0 || r.Latency.P99 <= s.flags.maxP99)
	if !r.Trustworthy {
		s.own = min(s.own, rate)
	}
	t := trialJSON{Rate: rate, Within: within, LossPercent: math.Round(lost*1000) / 1000, Latency: r.Latency, Trustworthy: r.Trustworthy}
	s.trials = append(s.trials, t)
	if s.flags.json || ctx.Err() != nil {
		return within, nil
	}
	word := "too high"
	switch {
	case within:
		word = "within the bounds"
	case !r.Trustworthy:
		word = "too high for this machine: " + strings.Join(loadreport.Doubts(r), " ")
	}
	return within, s.write(fmt.Sprintf("%s a second: %.3f %% lost, p99 %s: %s\n", perSecond(rate), lost, inMillis(r.Latency.P99), word))
}

// report prints the result of the search.
func (s *maxSearch) report() error {
	upper, limit := &s.search.Upper, "server"
	if math.IsInf(*upper, 1) {
		upper = nil
	}
	if upper != nil && s.own <= *upper {
		limit = "generator"
	}
	if s.flags.json {
		if err := s.write(string(marshal(maxJSON{s.target, s.search.Lower, upper, limit, s.trials}))); err != nil {
			return err
		}
	} else if err := s.write(s.text(upper)); err != nil {
		return err
	}
	switch {
	case s.search.Lower == 0 && limit == "server":
		return &failure{what: fmt.Sprintf("%s is not within the bounds at any rate", s.target), code: exitFail,
			hint: "allow more with --max-loss and --max-p99"}
	case limit == "generator":
		return &failure{what: "this machine limits the rate rather than the server", code: exitUntrusted,
			hint: "use --segments or a faster machine"}
	default:
		return nil
	}
}

// text describes the result of the search.
func (s *maxSearch) text(upper *float64) string {
	bounds := fmt.Sprintf("at most %s lost", s.flags.maxLoss)
	if s.flags.maxP99 > 0 {
		bounds += fmt.Sprintf(" and p99 at most %v", s.flags.maxP99)
	}
	trials := plural(s.search.Trials, "trial")
	if upper == nil {
		return fmt.Sprintf("\nhighest rate: at least %s requests a second (%s, %s)\n", perSecond(s.search.Lower), bounds, trials)
	}
	return fmt.Sprintf("\nhighest rate: between %s and %s requests a second (%s, %s)\n", perSecond(s.search.Lower),
		perSecond(*upper), bounds, trials)
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
