package cli

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/testsize"
)

// TestPingDelaysThroughLink checks the round-trip times that ohce ping reports against the delays of
// the link: constant delays within 1 %, and the median and the 90th percentile of each distribution
// within three standard errors and 1 % of them. The standard error of a quantile q of n values is
// √(q(1−q)/n) divided by the density there. The delays are long, so that 1 % of them is more than a
// busy machine adds.
func TestPingDelaysThroughLink(t *testing.T) {
	if testsize.Race() {
		t.Skip("it compares times, which the race detector changes")
	}
	t.Parallel()
	count := testsize.Pick(1000, 300)
	p := serving(t, "--log", "none")
	type quantile struct{ at, density float64 } // in ms, and 1/ms
	for _, tt := range []struct {
		name        string
		impair      []string
		median, p90 quantile // a density of 0 stands for a constant
	}{
		{"constant both ways", []string{"--delay", "200ms"}, quantile{at: 400}, quantile{at: 400}},
		{"constant up", []string{"--up", "delay=300ms"}, quantile{at: 300}, quantile{at: 300}},
		{"constant down", []string{"--down", "delay=300ms"}, quantile{at: 300}, quantile{at: 300}},
		{"different", []string{"--up", "delay=100ms", "--down", "delay=250ms"}, quantile{at: 350}, quantile{at: 350}},
		{"uniform", []string{"--down", "delay=300ms±100ms", "--shape", "uniform"},
			quantile{300, 1 / 200.0}, quantile{380, 1 / 200.0}},
		{"normal", []string{"--up", "delay=300ms±50ms", "--shape", "normal"},
			quantile{300, normalDensity(0) / 50}, quantile{300 + 50*1.2816, normalDensity(1.2816) / 50}},
		{"pareto", []string{"--down", "delay=300ms±20ms", "--shape", "pareto"},
			quantile{300 + 20*lomax(0.5), lomaxDensity(0.5) / 20}, quantile{300 + 20*lomax(0.9), lomaxDensity(0.9) / 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			quantiles := func(s pingSummary) (wrong []string) {
				check := func(what string, got, q float64, want quantile) {
					bound := want.at / 100
					if want.density > 0 {
						bound += 3 * math.Sqrt(q*(1-q)/float64(count)) / want.density
					}
					if math.Abs(got-want.at) > bound {
						wrong = append(wrong, fmt.Sprintf("the %s is %.3f ms, want %.3f ± %.3f ms", what, got, want.at, bound))
					}
				}
				check("median", s.RTT.Median, 0.5, tt.median)
				if tt.p90.density > 0 { // the machine can delay one of ten
					check("90th percentile", s.RTT.P90, 0.9, tt.p90)
				}
				return wrong
			}
			s := pingInTime(t, p, count, tt.impair, quantiles)
			if constant := tt.median.density == 0; constant && (s.RTT.Min < tt.median.at || s.Reordered > 0) {
				t.Errorf("a delay of %.0f ms: %+v", tt.median.at, s)
			}
			if s.Lost+s.Late+s.Duplicates > 0 {
				t.Errorf("a delay loses or doubles datagrams: %+v", s)
			}
		})
	}
}

// pingInTime calls pingThrough and reports what check finds wrong. A ping through a link without
// impairments, at the same time, shows what the machine adds to the median; check receives the times
// without it. If this machine has sent more than a twentieth of the requests too late, pingInTime
// tries again, and finally skips the test, because no time can be measured.
func pingInTime(t *testing.T, server *process, count int, impair []string,
	check func(pingSummary) []string) (s pingSummary) {
	t.Helper()
	for try := 1; ; try++ {
		direct, _ := startPing(t, server, count)
		s, _ = pingThrough(t, server, count, impair...)
		own := summaryOf(t, direct).RTT.Median
		adjusted := s
		adjusted.RTT.Median, adjusted.RTT.P90 = s.RTT.Median-own, s.RTT.P90-own
		wrong := check(adjusted)
		if len(wrong) == 0 {
			return s
		}
		switch {
		case s.Own.Missed <= count/20:
			t.Fatalf("%s, of which the machine takes %.3f ms: %+v", strings.Join(wrong, ", "), own, s)
		case try == maxTries:
			t.Skipf("this machine is too busy: %+v", s)
		}
	}
}

// maxTries is how often a test of times measures on a busy machine.
const maxTries = 5

// normalDensity returns the density of the standard normal distribution.
func normalDensity(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// lomax returns a quantile of the Lomax distribution with shape 3 and mean 1, which is that of the
// delay in addition to the base for --shape pareto.
func lomax(q float64) float64 { return 2 * (math.Pow(1-q, -1.0/3) - 1) }

// lomaxDensity returns the density at a quantile.
func lomaxDensity(q float64) float64 { return 1.5 * math.Pow(1-q, 4.0/3) }

// TestPingLateThroughLink checks that responses after the time-out count as late.
func TestPingLateThroughLink(t *testing.T) {
	t.Parallel()
	p := serving(t, "--log", "none")
	const count = 500
	s, _ := pingThrough(t, p, count, "--down", "delay=1200ms")
	// The last requests end before their responses arrive.
	if s.Answered > 0 || s.Late < count/2 || s.Lost+s.Late != count {
		t.Errorf("a delay beyond the time-out: %+v", s)
	}
}

// TestPingReorderedThroughLink checks the number of reordered responses against the trace of the
// link, which shows when each response arrives.
func TestPingReorderedThroughLink(t *testing.T) {
	t.Parallel()
	count := testsize.Pick(1000, 300)
	p := serving(t, "--log", "none")
	t.Run("in any order", func(t *testing.T) {
		t.Parallel()
		s, l := pingThrough(t, p, count, "--down", "delay=10ms±10ms", "--trace")
		arrivals := tracedArrivals(t, l)
		want := reordered(arrivals)
		t.Logf("%d of %d responses are reordered, the trace shows %d", s.Reordered, len(arrivals), want)
		share := float64(want) / float64(count)
		checkCount(t, "reordered", s.Reordered, count, share, share*(1-share))
		if len(arrivals) != count || s.Lost+s.Late+s.Duplicates > 0 || share < 0.5 {
			t.Errorf("%d responses in the trace, %d of them are reordered: %+v", len(arrivals), want, s)
		}
	})
	t.Run("in order", func(t *testing.T) {
		t.Parallel()
		s, _ := pingThrough(t, p, count, "--down", "delay=10ms±10ms", "--in-order")
		if s.Reordered > 0 || s.Answered != count {
			t.Errorf("the link keeps the order: %+v", s)
		}
	})
}

// tracedArrivals ends a link and returns when each response arrived at the client, in the order in
// which the server sent them.
func tracedArrivals(t *testing.T, l *process) (arrivals []time.Time) {
	t.Helper()
	text, err := l.stop()
	if err != nil || strings.Contains(text, "discarded") {
		t.Fatalf("%v: %.300s", err, text)
	}
	line := regexp.MustCompile(`(?m)^([0-9:.]{15}) link-1 down .*, (passed|after ([0-9.a-zµ]+))$`)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		at, err := time.Parse(traceTime, m[1])
		delay := time.Duration(0)
		if err == nil && m[3] != "" {
			delay, err = time.ParseDuration(m[3])
		}
		if err != nil {
			t.Fatalf("%q: %v", m[0], err)
		}
		arrivals = append(arrivals, at.Add(delay))
	}
	return arrivals
}

// reordered counts the elements that are later than a following one.
func reordered(arrivals []time.Time) (n int) {
	var earliest time.Time
	for _, at := range slices.Backward(arrivals) {
		if !earliest.IsZero() && at.After(earliest) {
			n++
		}
		if earliest.IsZero() || at.Before(earliest) {
			earliest = at
		}
	}
	return n
}
