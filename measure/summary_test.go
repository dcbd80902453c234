package measure_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

func TestSummaryPercentiles(t *testing.T) {
	var s measure.Summary
	for i := range 1000 {
		s.Add(measure.Sample{RTT: time.Duration(i+1) * ms, Latency: time.Duration(i+2) * ms})
	}
	within := func(what string, got, want time.Duration) {
		t.Helper()
		if off := (got - want).Abs(); off > want/1000 {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	d := s.RTT()
	within("median", d.Median, 500*ms)
	within("p90", d.P90, 900*ms)
	within("p99", d.P99, 990*ms)
	within("p99.9", d.P999, 999*ms)
	if d.Min != ms || d.Max != time.Second || d.Mean != 500500*time.Microsecond || d.Count != 1000 {
		t.Errorf("min %v, max %v, mean %v, count %d", d.Min, d.Max, d.Mean, d.Count)
	}
	within("median latency", s.Latency().Median, 501*ms)
	if got := s.Jitter(); got < 999*time.Microsecond || got > ms {
		t.Errorf("jitter %v of round trips that differ by 1 ms", got)
	}
}

// The first four round trips of 10, 26, 10 and 10 ms have the jitter 0, 1, 1.9375 and 1.81640625 ms.
func TestJitter(t *testing.T) {
	var s measure.Summary
	for _, step := range []struct{ rtt, want time.Duration }{
		{10 * ms, 0}, {26 * ms, ms}, {10 * ms, 1937500}, {10 * ms, 1816406},
	} {
		s.Add(measure.Sample{RTT: step.rtt})
		s.Add(measure.Sample{Class: measure.Lost}) // has no effect
		if got := s.Jitter(); got != step.want {
			t.Errorf("after %v the jitter is %v, want %v", step.rtt, got, step.want)
		}
	}
}

func TestSummaryJSON(t *testing.T) {
	var s measure.Summary
	for _, sample := range []measure.Sample{
		{RTT: ms, Latency: ms, ReceiveDelay: ms / 2}, {RTT: 3 * ms, Latency: 5 * ms, Lag: 2 * ms}, {Class: measure.Lost},
		{Class: measure.Lost}, {Class: measure.Wrong}, {Class: measure.Refused},
		{Class: measure.Unreachable}, {Class: measure.Unsent},
	} {
		s.Add(sample)
	}
	s.SetCounts(measure.Counts{Late: 1, Duplicates: 2, Reordered: 3, Unexpected: 4})
	got, err := json.Marshal(&s)
	const want = `{"sent":7,"answered":2,"lost":1,"loss_percent":71.429,"late":1,"duplicates":2,` +
		`"reordered":3,"wrong":1,"refused":1,"unreachable":1,"unexpected":4,` +
		`"own":{"missed":1,"refused":1,"overflow":0},` +
		`"rtt_ms":{"min":1,"mean":2,"median":1,"p90":3,"p99":3,"p999":3,"max":3},"jitter_ms":0.125,` +
		`"receive_delay_ms":{"min":0.5,"mean":0.5,"median":0.5,"p90":0.5,"p99":0.5,"p999":0.5,"max":0.5}}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s\n%v", got, want, err)
	}
	var empty measure.Summary
	if got, err := json.Marshal(&empty); err != nil || empty.LossPercent() != 0 {
		t.Errorf("an empty summary: %s, %v", got, err)
	}
}

// Lost requests whose responses were late or dropped by this system are not lost in the network.
func TestSetCounts(t *testing.T) {
	for _, tt := range []struct {
		late, overflow           int
		wantLost, wantLate, want int
	}{
		{0, 0, 5, 0, 0}, {2, 0, 3, 2, 0}, {2, 1, 2, 2, 1}, {0, 9, 0, 0, 5}, {4, 9, 0, 4, 1}, {9, 9, 0, 5, 0},
	} {
		var s measure.Summary
		for range 5 {
			s.Add(measure.Sample{Class: measure.Lost})
		}
		for range 2 { // the second call has the same result
			s.SetCounts(measure.Counts{Late: tt.late, Overflow: tt.overflow})
			if s.Lost != tt.wantLost || s.Late != tt.wantLate || s.Own.Overflow != tt.want || s.Sent() != 5 {
				t.Errorf("%+v: %d lost, %d late, %d overflowed, %d sent", tt, s.Lost, s.Late, s.Own.Overflow, s.Sent())
			}
		}
	}
}
