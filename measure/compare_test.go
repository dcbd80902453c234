package measure_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

// A noise returns the values of n intervals as factors whose mean is about 1.
type noise func(rng *rand.Rand, n int) []float64

// lognormal is independent noise with a coefficient of variation of about sigma.
func lognormal(sigma float64) noise {
	return func(rng *rand.Rand, n int) (all []float64) {
		for range n {
			all = append(all, math.Exp(sigma*rng.NormFloat64()-sigma*sigma/2))
		}
		return all
	}
}

// correlated is noise in which each value depends on the one before it with the coefficient rho.
func correlated(sigma, rho float64) noise {
	return func(rng *rand.Rand, n int) (all []float64) {
		x := rng.NormFloat64()
		for range n {
			all = append(all, math.Exp(sigma*x))
			x = rho*x + math.Sqrt(1-rho*rho)*rng.NormFloat64()
		}
		return all
	}
}

// stalls is noise in which one of ten intervals is ten times as long.
func stalls(rng *rand.Rand, n int) (all []float64) {
	for range n {
		x := 1 + 0.1*rng.NormFloat64()
		if rng.IntN(10) == 0 {
			x *= 10
		}
		all = append(all, x)
	}
	return all
}

// runOf returns a report with intervals of 1 s and 1,000 responses, whose latencies are factors of
// 1 ms.
func runOf(factors []float64) *measure.Report {
	r := &measure.Report{Duration: measure.Milliseconds(time.Duration(len(factors)) * time.Second)}
	for n, x := range factors {
		d := time.Duration(x * float64(ms))
		dist := measure.Distribution{Min: d, Mean: d, Median: d, P90: d, P99: d, P999: d, Max: d}
		r.Intervals = append(r.Intervals, measure.Interval{
			Begin: measure.Milliseconds(time.Duration(n) * time.Second),
			Asked: 1000, Sent: 1000, Answered: 1000, Latency: dist, Service: dist,
		})
	}
	return r
}

// scaled returns the values times a factor.
func scaled(values []float64, factor float64) []float64 {
	for i := range values {
		values[i] *= factor
	}
	return values
}

// compareOne compares one figure.
func compareOne(t *testing.T, a, b *measure.Report, name string, percent float64) measure.Change {
	t.Helper()
	changes, err := measure.Compare(a, b, []measure.Threshold{{Figure: name, Percent: percent}})
	if err != nil {
		t.Fatal(err)
	}
	return changes[0]
}

// TestCompareFindsNoChange checks how often the confidence interval misses the true change between
// runs with the same distribution, which should be 5 %, and that hardly any run is worse.
func TestCompareFindsNoChange(t *testing.T) {
	const rounds = 2000
	for _, tt := range []struct {
		name  string
		noise noise
		n     int
		most  float64 // of all intervals, in percent, that may miss the true change
	}{
		{"even/10", lognormal(0.05), 10, 6.5},
		{"even/60", lognormal(0.05), 60, 6.5},
		{"wide/10", lognormal(0.5), 10, 6.5},
		{"wide/60", lognormal(0.5), 60, 6.5},
		{"stalls/60", stalls, 60, 6.5},
		{"correlated/60", correlated(0.2, 0.5), 60, 9.5},
		{"correlated/300", correlated(0.2, 0.5), 300, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			missed, worse := 0, 0
			for range rounds {
				a, b := runOf(tt.noise(rng, tt.n)), runOf(tt.noise(rng, tt.n))
				c := compareOne(t, a, b, "p99", 5)
				if c.Low > 0 || c.High < 0 {
					missed++
				}
				if c.Verdict == measure.Worse {
					worse++
				}
			}
			t.Logf("%.1f %% of the intervals miss the change, %.1f %% worse", percent(missed, rounds),
				percent(worse, rounds))
			if got := percent(missed, rounds); got > tt.most || got < 1 {
				t.Errorf("%.1f %% of the intervals miss the change, want 1 to %v %%", got, tt.most)
			}
			if got := percent(worse, rounds); got > 3 {
				t.Errorf("%.1f %% of the runs are worse, want at most 3 %%", got)
			}
		})
	}
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(of) }

// TestCompareFindsChange checks the verdicts for runs that differ by a given factor.
func TestCompareFindsChange(t *testing.T) {
	for _, tt := range []struct {
		name   string
		noise  noise
		factor float64
		want   measure.Verdict
	}{
		{"worse", lognormal(0.05), 1.2, measure.Worse},
		{"better", lognormal(0.05), 0.8, measure.Better},
		{"same", lognormal(0.05), 1.02, measure.Same},
		{"same although smaller", lognormal(0.05), 0.95, measure.Same},
		{"near the threshold", lognormal(0.2), 1.1, measure.Unclear},
		{"too much noise", lognormal(1.5), 1, measure.Unclear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			right := 0
			for range 500 {
				a := runOf(tt.noise(rng, 30))
				b := runOf(scaled(tt.noise(rng, 30), tt.factor))
				if compareOne(t, a, b, "service.median", 10).Verdict == tt.want {
					right++
				}
			}
			if got := percent(right, 500); got < 85 {
				t.Errorf("%.1f %% of the verdicts are %v, want at least 85 %%", got, tt.want)
			}
		})
	}
}

// lossOf returns a report with n intervals of 1,000 requests, each lost with the given probability.
func lossOf(rng *rand.Rand, n int, probability float64) *measure.Report {
	r := runOf(make([]float64, n))
	for i := range r.Intervals {
		lost := 0
		for range 1000 {
			if rng.Float64() < probability {
				lost++
			}
		}
		r.Intervals[i].Lost, r.Intervals[i].Answered = lost, 1000-lost
	}
	return r
}

func TestCompareLoss(t *testing.T) {
	for _, tt := range []struct {
		name      string
		n         int
		a, b      float64
		threshold float64 // percentage points
		want      measure.Verdict
	}{
		{"none", 30, 0, 0, 0.1, measure.Same},
		{"none in few requests", 10, 0, 0, 0.01, measure.Unclear},
		{"more", 30, 0, 0.005, 0.1, measure.Worse},
		{"less", 30, 0.005, 0, 0.1, measure.Better},
		{"all", 30, 0, 1, 0.1, measure.Worse},
		{"near the threshold", 30, 0.01, 0.011, 0.1, measure.Unclear},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(5, 6))
			c := compareOne(t, lossOf(rng, tt.n, tt.a), lossOf(rng, tt.n, tt.b), "loss", tt.threshold)
			if c.Verdict != tt.want {
				t.Errorf("%v, want %v: %+v", c.Verdict, tt.want, c)
			}
		})
	}
}

// TestCompareValues checks the figures of runs without noise.
func TestCompareValues(t *testing.T) {
	a := runOf(scaled([]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 2))
	b := runOf(scaled([]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 3))
	for i := range b.Intervals {
		b.Intervals[i].Answered, b.Intervals[i].Lost, b.Intervals[i].Refused = 900, 60, 40
	}
	for name, want := range map[string]measure.Change{
		"p99":           {Unit: "ms", A: 2, B: 3, Change: 50, Verdict: measure.Worse},
		"max":           {Unit: "ms", A: 2, B: 3, Change: 50, Verdict: measure.Worse},
		"service.mean":  {Unit: "ms", A: 2, B: 3, Change: 50, Verdict: measure.Worse},
		"loss":          {Unit: "%", A: 0, B: 10, Change: 10, Verdict: measure.Worse},
		"answered_rate": {Unit: "/s", A: 1000, B: 900, Change: -10, Verdict: measure.Worse},
	} {
		c := compareOne(t, a, b, name, 1)
		got := fmt.Sprintf("%s %.3f %.3f %.3f %v", c.Unit, c.A, c.B, c.Change, c.Verdict)
		if w := fmt.Sprintf("%s %.3f %.3f %.3f %v", want.Unit, want.A, want.B, want.Change,
			want.Verdict); got != w {
			t.Errorf("%s: %s, want %s", name, got, w)
		}
		if !c.Known || c.Low > c.Change || c.High < c.Change {
			t.Errorf("%s: change %v, interval %v to %v", name, c.Change, c.Low, c.High)
		}
	}
}

// TestCompareWithoutResponses checks that a run without responses has a rate and a loss, but no
// latency.
func TestCompareWithoutResponses(t *testing.T) {
	a, b := runOf(lognormal(0.05)(rand.New(rand.NewPCG(7, 8)), 10)), runOf(make([]float64, 10))
	for i := range b.Intervals {
		b.Intervals[i].Answered, b.Intervals[i].Lost = 0, 1000
	}
	if c := compareOne(t, a, b, "p99", 10); c.Known || c.Verdict != measure.Unclear {
		t.Errorf("p99: %+v, want unclear", c)
	}
	if c := compareOne(t, a, b, "answered_rate", 10); c.Change != -100 || c.Verdict != measure.Worse {
		t.Errorf("answered_rate: %+v, want -100 %%, worse", c)
	}
	if c := compareOne(t, b, a, "answered_rate", 10); c.Known || c.Verdict != measure.Unclear {
		t.Errorf("answered_rate from 0: %+v, want unclear", c)
	}
	if c := compareOne(t, a, b, "loss", 10); c.Change != 100 || c.Verdict != measure.Worse {
		t.Errorf("loss: %+v, want 100 points, worse", c)
	}
}

// TestCompareImpossibleValues checks that values that no run has do not make infinite changes.
func TestCompareImpossibleValues(t *testing.T) {
	good, bad := runOf(lognormal(0.05)(rand.New(rand.NewPCG(7, 8)), 10)), runOf(make([]float64, 10))
	for i := range bad.Intervals {
		n := 1_000_000_000 * (1 - 2*(i%2))
		bad.Intervals[i].Answered, bad.Intervals[i].Lost = n+1, -n
		bad.Intervals[i].Latency.P99 = time.Duration(n)
	}
	for _, name := range measure.FigureNames() {
		for _, c := range []measure.Change{compareOne(t, good, bad, name, 10), compareOne(t, bad, good, name, 10)} {
			if width := c.High - c.Low; math.IsNaN(width) || math.IsInf(width, 0) {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

// TestCompareLeavesOutPartialIntervals checks that the end of a run does not count.
func TestCompareLeavesOutPartialIntervals(t *testing.T) {
	a, b := runOf(make([]float64, 12)), runOf(make([]float64, 10))
	a.Duration = measure.Milliseconds(10*time.Second + 500*ms)
	a.Intervals[10] = measure.Interval{Begin: a.Intervals[10].Begin, Lost: 500}
	if c := compareOne(t, a, b, "loss", 1); c.A != 0 {
		t.Errorf("loss of run 1 is %v %%, want 0", c.A)
	}
}

func TestCompareErrors(t *testing.T) {
	good, short := runOf(make([]float64, 10)), runOf(make([]float64, 9))
	for _, tt := range []struct {
		name string
		a, b *measure.Report
		run  int // with too few intervals
		n    int
	}{
		{"first", short, good, 1, 9},
		{"second", good, short, 2, 9},
		{"empty", good, &measure.Report{}, 2, 0},
		{"one interval", good, runOf([]float64{1}), 2, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := measure.Compare(tt.a, tt.b, []measure.Threshold{{Figure: "p99", Percent: 1}})
			var few *measure.FewIntervalsError
			if !errors.As(err, &few) || few.Run != tt.run || few.Intervals != tt.n {
				t.Errorf("%v, want run %d with %d intervals", err, tt.run, tt.n)
			}
		})
	}
	for _, bad := range []measure.Threshold{{"p98", 1}, {"p99", 0}, {"p99", -1}, {"p99", math.NaN()}} {
		if _, err := measure.Compare(good, good, []measure.Threshold{bad}); err == nil {
			t.Errorf("no error for %+v", bad)
		}
	}
}

func TestFigureNames(t *testing.T) {
	run := runOf(lognormal(0.05)(rand.New(rand.NewPCG(9, 10)), 10))
	for _, name := range measure.FigureNames() {
		compareOne(t, run, run, name, 1)
	}
}
