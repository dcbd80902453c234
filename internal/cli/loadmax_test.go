package cli

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

// TestFindMax finds the highest rate through a link that limits it. A text of 64 bytes is a packet of
// 92 bytes, so a link of 200 kbit/s carries 271 a second. At a higher rate, a short queue loses
// requests, and a long one delays them.
func TestFindMax(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		queue  int
		maxP99 time.Duration
	}{{"loss", 10, 0}, {"p99", 1000, 10 * time.Millisecond}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testFindMax(t, tt.queue, tt.maxP99) })
		})
	}
}

func testFindMax(t *testing.T, queue int, maxP99 time.Duration) {
	const addr, size, capacity = "192.0.2.7:3000", 64, 2e5 / (8 * (64 + 28))
	n := &ohcetest.Network{Link: ohcetest.Impair(&link.Link{Up: link.Impairment{
		Rate: 200_000, Queue: queue, Delay: link.Delay{Base: 2 * time.Millisecond},
	}}, netip.MustParseAddrPort(addr))}
	n.NewPeer(addr, flip.Append)
	out := new(strings.Builder)
	l := &loader{
		app: &app{out: out}, target: addr,
		flags: &loadFlags{rate: 40, duration: trialDuration, clients: 1, maxLoss: "0.1%", maxP99: maxP99, json: true,
			given: func(string) bool { return true }},
		load: &measure.Load{Addr: addr, Dial: n.Dial, Match: ohce.MatchExact(flip.Append),
			Request: func(dst []byte, n int) []byte { return appendNumbered(dst, n, size) }},
	}
	if err := l.findMax(t.Context()); err != nil {
		t.Fatal(err)
	}
	var r maxJSON
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil || r.Upper == nil {
		t.Fatalf("%v: %s", err, out)
	}
	if r.Lower > capacity || *r.Upper < capacity || *r.Upper > 1.05*r.Lower || r.Limit != limitServer ||
		r.End != "complete" {
		t.Errorf("between %v and %v, limit %s; want %.0f, limit server", r.Lower, *r.Upper, r.Limit, capacity)
	}
	if r.Trials[0].Rate != 40 || len(r.Trials) > 30 {
		t.Errorf("%d trials, the first at %v a second", len(r.Trials), r.Trials[0].Rate)
	}
}

// TestMaxSearchText checks the result of --find-max for each end of the search. At 1,000 requests a second,
// the trials have the given results, above it the result above, and below it they are within the limits.
func TestMaxSearchText(t *testing.T) {
	const w, h, u = measure.TrialWithin, measure.TrialTooHigh, measure.TrialUnclear
	for _, tt := range []struct {
		name    string
		search  measure.RateSearch
		results []measure.TrialResult // repeated
		above   measure.TrialResult
		want    string
		code    int
	}{
		{"the server", measure.RateSearch{}, []measure.TrialResult{w}, h,
			"between 1000 and 1044 requests a second (loss at most 0.1%, 16 trials)", exitOK},
		{"this machine", measure.RateSearch{}, []measure.TrialResult{w}, u,
			"at least 1000 requests a second (loss at most 0.1%, 22 trials); 1044 a second is too high for this machine",
			exitUntrusted},
		{"no limit", measure.RateSearch{Max: 1000}, []measure.TrialResult{w}, w,
			"at least 1000 requests a second (loss at most 0.1%, 4 trials)", exitOK},
		{"contradictions", measure.RateSearch{}, []measure.TrialResult{w, w, h, h}, h,
			"between 958 and 1044 requests a second (loss at most 0.1%, 32 trials); " +
				"the results in between contradict each other", exitOK},
		{"too few trials", measure.RateSearch{MaxTrials: 3}, []measure.TrialResult{h}, h,
			"between 0 and 1000 requests a second (loss at most 0.1%, 3 trials)", exitFail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := new(strings.Builder)
			s := &maxSearch{loader: &loader{app: &app{out: out}, flags: &loadFlags{}}, search: tt.search,
				limits: measure.RateLimits{Loss: 0.001}}
			at := 0
			for rate, ok := s.search.Next(); ok; rate, ok = s.search.Next() {
				result := w
				switch {
				case rate > 1000:
					result = tt.above
				case rate == 1000:
					result = tt.results[at%len(tt.results)]
					at++
				}
				s.search.Observe(result)
			}
			code := exitOK
			if f := new(failure); errors.As(s.report(), &f) {
				code = f.code
			}
			if got := strings.TrimSpace(out.String()); got != "highest rate: "+tt.want || code != tt.code {
				t.Errorf("exit code %d: %q; want %d: %q", code, got, tt.code, "highest rate: "+tt.want)
			}
		})
	}
}
