package cli

import (
	"encoding/json"
	"math"
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
	if r.Lower > capacity || *r.Upper < capacity || *r.Upper > 1.05*r.Lower || r.Limit != limitServer {
		t.Errorf("between %v and %v, limit %s; want %.0f, limit server", r.Lower, *r.Upper, r.Limit, capacity)
	}
	if r.Trials[0].Rate != 40 || len(r.Trials) > 30 {
		t.Errorf("%d trials, the first at %v a second", len(r.Trials), r.Trials[0].Rate)
	}
}

// TestMaxSearchText checks the result of --find-max. A trial that this machine spoiled matters only at
// the rate that is too high, and only if no two others show that the server is too slow.
func TestMaxSearchText(t *testing.T) {
	early := trialJSON{Rate: 1000, Unclear: true}
	unclear, tooHigh := trialJSON{Rate: 4100, Unclear: true}, trialJSON{Rate: 4100}
	for _, tt := range []struct {
		name         string
		lower, upper float64
		trials       []trialJSON
		want, limit  string
	}{
		{"the server", 4000, 4100, []trialJSON{early, unclear, tooHigh, tooHigh, unclear, unclear},
			"between 4000 and 4100 requests a second (loss at most 0.1%, 9 trials)", limitServer},
		{"this machine", 4000, 4100, []trialJSON{tooHigh, unclear, {Rate: 4100, Within: true}, unclear, unclear},
			"at least 4000 requests a second (loss at most 0.1%, 9 trials); 4100 a second is too high for this machine",
			limitGenerator},
		{"contradictions", 4000, 4500, []trialJSON{early},
			"between 4000 and 4500 requests a second (loss at most 0.1%, 9 trials); the results in between contradict each other",
			limitServer},
		{"no limit", 4000, math.Inf(1), []trialJSON{early},
			"at least 4000 requests a second (loss at most 0.1%, 9 trials)", limitServer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			limit := limitAt(tt.upper, tt.trials)
			s := &maxSearch{loader: &loader{flags: &loadFlags{maxLoss: "0.1%"}}, trials: tt.trials,
				search: measure.RateSearch{Lower: tt.lower, Trials: 9}}
			upper := &tt.upper
			if math.IsInf(tt.upper, 1) {
				upper = nil
			}
			got := strings.TrimSpace(s.text(upper, limit))
			if want := "highest rate: " + tt.want; got != want || limit != tt.limit {
				t.Errorf("%q, limit %s; want %q, limit %s", got, limit, want, tt.limit)
			}
		})
	}
}
