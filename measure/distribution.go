package measure

import (
	"encoding/json"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A Distribution describes durations. All fields are 0 if there are none. A percentile is the
// duration that the given share of all durations does not exceed. Percentiles have an error of at
// most 0.1 %, the other values none.
type Distribution struct {
	Count                                  int
	Min, Mean, Median, P90, P99, P999, Max time.Duration
}

// MarshalJSON returns the distribution as a JSON object. Times are in milliseconds.
func (d Distribution) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Min    float64 `json:"min"`
		Mean   float64 `json:"mean"`
		Median float64 `json:"median"`
		P90    float64 `json:"p90"`
		P99    float64 `json:"p99"`
		P999   float64 `json:"p999"`
		Max    float64 `json:"max"`
	}{
		millis(d.Min), millis(d.Mean), millis(d.Median), millis(d.P90), millis(d.P99), millis(d.P999),
		millis(d.Max),
	})
}

// A histogram counts durations. The zero value is empty.
type histogram struct {
	h        *hdrhistogram.Histogram // in ns; nil if empty
	min, max time.Duration           // exact
	sum      time.Duration
}

// maxDuration is the longest duration that a histogram distinguishes.
const maxDuration = time.Hour

func (h *histogram) add(d time.Duration) {
	if h.h == nil {
		h.h = hdrhistogram.New(1, int64(maxDuration), 3)
		h.min, h.max = d, d
	}
	h.min, h.max, h.sum = min(h.min, d), max(h.max, d), h.sum+d
	if err := h.h.RecordValue(int64(min(max(d, 0), maxDuration))); err != nil {
		panic(err) // impossible: the value is in the range
	}
}

func (h *histogram) distribution() Distribution {
	if h.h == nil {
		return Distribution{}
	}
	at := func(percentile float64) time.Duration {
		return min(max(time.Duration(h.h.ValueAtPercentile(percentile)), h.min), h.max)
	}
	n := h.h.TotalCount()
	return Distribution{
		Count: int(n), Min: h.min, Mean: h.sum / time.Duration(n), Median: at(50),
		P90: at(90), P99: at(99), P999: at(99.9), Max: h.max,
	}
}

// millis returns d in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Round(time.Microsecond).Microseconds()) / 1000 }

// round rounds to a thousandth.
func round(x float64) float64 { return float64(int(x*1000+0.5)) / 1000 }
