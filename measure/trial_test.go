package measure_test

import (
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

// TestRateLimits checks which trials say something about the server. 2,000 requests are due in 2 s.
func TestRateLimits(t *testing.T) {
	limits := measure.RateLimits{Loss: 0.001, P99: 10 * ms}
	// A tenth of the latencies exceeds the limit, a half does, or all do.
	tenth := []measure.Percentile{{Value: measure.Milliseconds(ms), Count: 1800}, {Value: measure.Milliseconds(12 * ms), Count: 1810},
		{Value: measure.Milliseconds(20 * ms), Count: 2000}}
	half := []measure.Percentile{{Value: measure.Milliseconds(ms), Count: 1000}, {Value: measure.Milliseconds(12 * ms), Count: 1010},
		{Value: measure.Milliseconds(20 * ms), Count: 2000}}
	for _, tt := range []struct {
		name  string
		spoil func(r *measure.Report)
		want  measure.TrialResult
	}{
		{"nothing is lost", func(*measure.Report) {}, measure.TrialWithin},
		{"the limits themselves", func(r *measure.Report) { r.Answered, r.Latency.P99 = 1998, 10*ms }, measure.TrialWithin},
		{"a little more loss", func(r *measure.Report) { r.Answered = 1997 }, measure.TrialTooHigh},
		{"a little slower", func(r *measure.Report) { r.Latency.P99 = 10*ms + 1 }, measure.TrialTooHigh},
		{"no answer", func(r *measure.Report) { r.Answered, r.Latency = 0, measure.Distribution{} }, measure.TrialTooHigh},
		{"no request", func(r *measure.Report) { *r = measure.Report{Trustworthy: true} }, measure.TrialTooHigh},

		{"late requests do not matter", func(r *measure.Report) { own(r, 500, 0) }, measure.TrialWithin},
		{"the rate was not kept", func(r *measure.Report) { own(r, 500, 0); r.SentRate = 985 }, measure.TrialUnclear},
		{"too few were sent", func(r *measure.Report) { own(r, 500, 0); r.Sent, r.Answered = 1990, 1990 }, measure.TrialUnclear},
		{"late requests can explain the loss", func(r *measure.Report) { own(r, 40, 0); r.Answered = 1960 }, measure.TrialUnclear},
		{"late requests cannot explain the loss", func(r *measure.Report) { own(r, 40, 0); r.Answered = 1950 }, measure.TrialTooHigh},
		{"drops here explain the loss", func(r *measure.Report) { own(r, 0, 40); r.Answered = 1960 }, measure.TrialUnclear},
		{"late requests can explain the latency", func(r *measure.Report) {
			own(r, 200, 0)
			r.Latency.P99, r.Percentiles = 20*ms, tenth
		}, measure.TrialUnclear},
		{"late requests cannot explain the latency", func(r *measure.Report) {
			own(r, 200, 0)
			r.Latency.P99, r.Percentiles = 20*ms, half
		}, measure.TrialTooHigh},
		{"no answer, but late requests", func(r *measure.Report) { own(r, 2000, 0); r.Answered = 0 }, measure.TrialUnclear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &measure.Report{Asked: 2000, Sent: 2000, Answered: 2000, AskedRate: 1000, SentRate: 1000, Trustworthy: true,
				Latency: measure.Distribution{P99: 2 * ms}}
			tt.spoil(r)
			if got := limits.Judge(r); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	// Without a limit of the latency, and with a negative one of the loss.
	r := &measure.Report{Asked: 10, Sent: 10, Answered: 10, Trustworthy: true, Latency: measure.Distribution{P99: time.Hour}}
	if got := (measure.RateLimits{Loss: -1}).Judge(r); got != measure.TrialWithin {
		t.Errorf("without limits: %v", got)
	}
}

// own makes a report not trustworthy.
func own(r *measure.Report, missed, overflow int) {
	r.Own.Missed, r.Own.Overflow, r.Trustworthy = missed, overflow, false
}
