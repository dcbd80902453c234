package cli

import (
	"math"
	"strings"
	"testing"

	"github.com/ohce/ohce/measure"
)

// TestMaxSearchText checks the result of --find-max. A trial that this machine spoiled at a rate that
// was within the limits later does not matter.
func TestMaxSearchText(t *testing.T) {
	early := trialJSON{Rate: 1000}
	for _, tt := range []struct {
		name         string
		lower, upper float64
		trials       []trialJSON
		want, limit  string
	}{
		{"the server", 4000, 4100, []trialJSON{early, {Rate: 4100, Trustworthy: true}},
			"between 4000 and 4100 requests a second (loss at most 0.1%, 9 trials)", limitServer},
		{"this machine", 4000, 4100, []trialJSON{{Rate: 4100, Trustworthy: true}, {Rate: 4100}},
			"at least 4000 requests a second (loss at most 0.1%, 9 trials); 4100 a second is too high for this machine",
			limitGenerator},
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
