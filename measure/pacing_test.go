package measure_test

import (
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

func TestPacing(t *testing.T) {
	for _, tt := range []struct {
		name string
		due  iter.Seq[time.Duration]
		want []time.Duration
	}{
		{"regular", measure.Limit(measure.Regular(10*ms), 4, 0), []time.Duration{0, 10 * ms, 20 * ms, 30 * ms}},
		{"regular until", measure.Limit(measure.Regular(10*ms), 0, 30*ms), []time.Duration{0, 10 * ms, 20 * ms}},
		{"both limits", measure.Limit(measure.Regular(10*ms), 2, 30*ms), []time.Duration{0, 10 * ms}},
		{"at once", measure.Limit(measure.Regular(0), 3, 0), []time.Duration{0, 0, 0}},
		{"steps", measure.Steps(
			measure.Step{Rate: 100, Duration: 20 * ms}, measure.Step{Duration: time.Second},
			measure.Step{Rate: 1000, Duration: 3 * ms},
		), []time.Duration{0, 10 * ms, 1020 * ms, 1021 * ms, 1022 * ms}},
		{"constant ramp", measure.Ramp(100, 100, 30*ms), []time.Duration{0, 10 * ms, 20 * ms}},
		// After t seconds, 50·t² requests were due.
		{"ramp up", measure.Limit(measure.Ramp(0, 100, time.Second), 5, 0), []time.Duration{
			0, 141421356, 200 * ms, 244948974, 282842712,
		}},
		{"ramp down", measure.Limit(measure.Ramp(100, 0, time.Second), 3, 0), []time.Duration{
			0, 10050506, 20204102,
		}},
		{"empty ramp", measure.Ramp(0, 0, time.Second), nil},
		{"no steps", measure.Steps(), nil},
	} {
		if got := slices.Collect(tt.due); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// The gaps of a Poisson process have mean 1/rate, and their standard deviation is their mean.
func TestPoisson(t *testing.T) {
	const n, rate = 100_000, 1000.0
	due := slices.Collect(measure.Limit(measure.Poisson(rate, 1), n+1, 0))
	if again := slices.Collect(measure.Limit(measure.Poisson(rate, 1), n+1, 0)); !slices.Equal(due, again) {
		t.Error("equal seeds give different times")
	}
	if due[0] != 0 {
		t.Errorf("the first time is %v", due[0])
	}
	var sum, squares float64
	for i := range n {
		gap := (due[i+1] - due[i]).Seconds() * rate
		sum, squares = sum+gap, squares+gap*gap
	}
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if math.Abs(mean-1) > 3/math.Sqrt(n) || math.Abs(deviation-1) > 0.02 {
		t.Errorf("mean %v and standard deviation %v of the gaps, want 1 and 1", mean, deviation)
	}
}

func TestPacingPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"negative interval": func() { measure.Regular(-1) },
		"rate 0":            func() { measure.Poisson(0, 1) },
		"negative ramp":     func() { measure.Ramp(-1, 1, 1) },
		"rate NaN":          func() { measure.Poisson(math.NaN(), 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
