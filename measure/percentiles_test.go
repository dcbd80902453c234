package measure_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

// TestPercentiles checks that the percentiles of the latency and of the service time increase to the
// maximum, and count all responses.
func TestPercentiles(t *testing.T) {
	link := each(func(n int, d ohcetest.Datagram) []ohcetest.Arrival {
		return []ohcetest.Arrival{{After: 5*ms + ms*time.Duration(n), Datagram: d}}
	})
	loadInBubble(t, link, func(t *testing.T, _ *ohcetest.Network, l *measure.Load) {
		r := load(t, l, measure.Limit(measure.Regular(ms), 20, 0))
		for _, tt := range []struct {
			name string
			all  []measure.Percentile
			d    measure.Distribution
		}{{"latency", r.Percentiles, r.Latency}, {"service", r.ServicePercentiles, r.Service}} {
			sorted := slices.IsSortedFunc(tt.all, func(a, b measure.Percentile) int {
				return int(a.Value - b.Value)
			})
			if len(tt.all) < 5 || !sorted {
				t.Fatalf("%s: percentiles %+v", tt.name, tt.all)
			}
			last := tt.all[len(tt.all)-1]
			if last.Percent != 100 || last.Count != 20 || last.Value.Duration() != tt.d.Max {
				t.Errorf("%s: the last percentile is %+v, want the maximum %v of 20 responses", tt.name, last,
					tt.d.Max)
			}
		}
	})
}
