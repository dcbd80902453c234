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

// distributionJSON is a Distribution as JSON.
type distributionJSON struct {
	Min    Milliseconds `json:"min"`
	Mean   Milliseconds `json:"mean"`
	Median Milliseconds `json:"median"`
	P90    Milliseconds `json:"p90"`
	P99    Milliseconds `json:"p99"`
	P999   Milliseconds `json:"p999"`
	Max    Milliseconds `json:"max"`
}

// MarshalJSON returns the distribution as a JSON object without Count. Times are in milliseconds.
func (d Distribution) MarshalJSON() ([]byte, error) {
	return json.Marshal(distributionJSON{
		Milliseconds(d.Min), Milliseconds(d.Mean), Milliseconds(d.Median), Milliseconds(d.P90),
		Milliseconds(d.P99), Milliseconds(d.P999), Milliseconds(d.Max),
	})
}

// UnmarshalJSON reads what MarshalJSON returns.
func (d *Distribution) UnmarshalJSON(data []byte) error {
	var j distributionJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*d = Distribution{
		Min: j.Min.Duration(), Mean: j.Mean.Duration(), Median: j.Median.Duration(),
		P90: j.P90.Duration(), P99: j.P99.Duration(), P999: j.P999.Duration(), Max: j.Max.Duration(),
	}
	return nil
}

// A histogram counts durations. The zero value is empty.
type histogram struct {
	h        *hdrhistogram.Histogram // in ns, without the last run; nil if empty
	n        int                     // how many
	min, max time.Duration           // exact
	sum      time.Duration

	// The responses in one packet have one round-trip time, so equal durations often follow each
	// other. They are recorded in h at once.
	last time.Duration
	run  int64 // how often last was added and is not in h
}

// maxDuration is the longest duration that a histogram distinguishes.
const maxDuration = time.Hour

// allocate allocates the memory of h, if add has not done so.
func (h *histogram) allocate() {
	if h.h == nil {
		h.h = hdrhistogram.New(1, int64(maxDuration), 3)
	}
}

func (h *histogram) add(d time.Duration) {
	if h.n++; h.n == 1 {
		h.min, h.max = d, d
	}
	h.min, h.max, h.sum = min(h.min, d), max(h.max, d), h.sum+d
	if d != h.last {
		h.record()
		h.last = d
	}
	h.run++
}

// record records the last run in h.
func (h *histogram) record() {
	if h.run == 0 {
		return
	}
	h.allocate()
	if err := h.h.RecordValues(int64(min(max(h.last, 0), maxDuration)), h.run); err != nil {
		panic(err) // impossible: the value is in the range
	}
	h.run = 0
}

// recorded returns h.h with all durations. There must be at least one.
func (h *histogram) recorded() *hdrhistogram.Histogram {
	h.record()
	return h.h
}

// merge adds the durations of o.
func (h *histogram) merge(o *histogram) {
	if o.n == 0 {
		return
	}
	h.allocate()
	if h.n == 0 {
		h.min, h.max = o.min, o.max
	}
	h.n += o.n
	h.min, h.max, h.sum = min(h.min, o.min), max(h.max, o.max), h.sum+o.sum
	h.h.Merge(o.recorded()) // drops no value: both have the same range
}

// percentiles returns points of the distribution that halve the distance to 100 % in five steps each.
func (h *histogram) percentiles() (all []Percentile) {
	if h.n == 0 {
		return nil
	}
	for _, b := range h.recorded().CumulativeDistributionWithTicks(percentileTicks) {
		value := min(max(time.Duration(b.ValueAt), h.min), h.max)
		all = append(all, Percentile{Percent: b.Quantile, Value: Milliseconds(value), Count: int(b.Count)})
	}
	return all
}

const percentileTicks = 5

// reset empties h but keeps its memory.
func (h *histogram) reset() {
	if h.h != nil {
		h.h.Reset()
	}
	h.n, h.min, h.max, h.sum, h.run = 0, 0, 0, 0, 0
}

func (h *histogram) distribution() Distribution {
	if h.n == 0 {
		return Distribution{}
	}
	hdr := h.recorded()
	at := func(percentile float64) time.Duration {
		return min(max(time.Duration(hdr.ValueAtPercentile(percentile)), h.min), h.max)
	}
	return Distribution{
		Count: h.n, Min: h.min, Mean: h.sum / time.Duration(h.n), Median: at(50),
		P90: at(90), P99: at(99), P999: at(99.9), Max: h.max,
	}
}

// millis returns d in milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return float64(d.Round(time.Microsecond).Microseconds()) / 1000 }

// round rounds to a thousandth.
func round(x float64) float64 { return float64(int(x*1000+0.5)) / 1000 }
