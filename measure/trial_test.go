package measure_test

import (
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

// TestRateLimits checks which trials say something about the server. 2,000 requests are due in 2 s.
func TestRateLimits(t *testing.T) {
	limits := measure.RateLimits{Loss: 0.001, P99: 10 * ms}
	slow := func(r *measure.Report) { r.Latency.P99, r.Service.P99 = 11*ms, 11*ms }
	for _, tt := range []struct {
		name  string
		spoil func(r *measure.Report)
		want  measure.TrialResult
	}{
		{"nothing is lost", func(*measure.Report) {}, measure.TrialWithin},
		{"the limits themselves", func(r *measure.Report) { r.Answered, r.Latency.P99 = 1998, 10*ms }, measure.TrialWithin},
		{"a little more loss", func(r *measure.Report) { r.Answered = 1997 }, measure.TrialTooHigh},
		{"a little slower", slow, measure.TrialTooHigh},
		{"no answer", func(r *measure.Report) { r.Answered, r.Latency = 0, measure.Distribution{} }, measure.TrialTooHigh},
		{"no request", func(r *measure.Report) { *r = measure.Report{Trustworthy: true} }, measure.TrialTooHigh},

		{"late requests do not matter", func(r *measure.Report) { own(r, 500, 0) }, measure.TrialWithin},
		{"the rate was not kept", func(r *measure.Report) { own(r, 500, 0); r.SentRate = 985 }, measure.TrialUnclear},
		{"too few were sent", func(r *measure.Report) { own(r, 500, 0); r.Sent, r.Answered = 1990, 1990 }, measure.TrialUnclear},
		{"too late", func(r *measure.Report) { own(r, 500, 0); r.Lag.P99 = 41 * ms }, measure.TrialUnclear},
		{"late requests can explain the loss", func(r *measure.Report) { own(r, 40, 0); r.Answered = 1958 }, measure.TrialUnclear},
		{"late requests cannot explain the loss", func(r *measure.Report) { own(r, 40, 0); r.Answered = 1957 }, measure.TrialTooHigh},
		{"a few late ones can explain it", func(r *measure.Report) { r.Own.Missed, r.Answered = 2, 1997 }, measure.TrialUnclear},
		{"a drop of joined responses can explain the loss", func(r *measure.Report) { own(r, 0, 3); r.Answered = 1808 },
			measure.TrialUnclear},
		{"drops here cannot explain the loss", func(r *measure.Report) { own(r, 0, 3); r.Answered = 1800 }, measure.TrialTooHigh},
		{"failed system calls can explain it", func(r *measure.Report) { own(r, 0, 0); r.Answered = 1000 }, measure.TrialUnclear},
		{"late requests can explain the latency", func(r *measure.Report) { own(r, 3, 0); slow(r) }, measure.TrialUnclear},
		{"delays below 1 ms can", func(r *measure.Report) { slow(r); r.Service.P99 = 10 * ms }, measure.TrialUnclear},
		{"reading late can", func(r *measure.Report) { slow(r); r.ReceiveDelay.P99 = 2 * ms }, measure.TrialUnclear},
		{"no answer, but late requests", func(r *measure.Report) { own(r, 2000, 0); r.Answered = 0 }, measure.TrialUnclear},
		{"interrupted", func(r *measure.Report) { r.Answered, r.InFlight = 1000, 1000 }, measure.TrialUnclear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &measure.Report{Asked: 2000, Sent: 2000, Answered: 2000, AskedRate: 1000, SentRate: 1000, Trustworthy: true,
				Duration: measure.Milliseconds(2 * time.Second), Latency: measure.Distribution{P99: 2 * ms}}
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

// TestKeptRate checks the bounds of a kept rate.
func TestKeptRate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(r *measure.Report)
		want  bool
	}{
		{"all on time", func(*measure.Report) {}, true},
		{"99.9 % sent", func(r *measure.Report) { r.Sent = 1998 }, true},
		{"less", func(r *measure.Report) { r.Sent = 1997 }, false},
		{"99 % of the rate", func(r *measure.Report) { r.SentRate = 990 }, true},
		{"less of it", func(r *measure.Report) { r.SentRate = 989 }, false},
		{"a fiftieth late", func(r *measure.Report) { r.Lag.P99 = 40 * ms }, true},
		{"later", func(r *measure.Report) { r.Lag.P99 = 41 * ms }, false},
		{"a closed loop", func(r *measure.Report) { r.AskedRate = 0 }, true},
		{"nothing", func(r *measure.Report) { *r = measure.Report{} }, true},
	} {
		r := &measure.Report{Asked: 2000, Sent: 2000, AskedRate: 1000, SentRate: 1000,
			Duration: measure.Milliseconds(2 * time.Second)}
		if tt.spoil(r); r.KeptRate() != tt.want {
			t.Errorf("%s: %v", tt.name, !tt.want)
		}
	}
}

// own makes a report not trustworthy.
func own(r *measure.Report, missed, overflow int) {
	r.Own.Missed, r.Own.Overflow, r.Trustworthy = missed, overflow, false
}
