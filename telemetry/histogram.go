package telemetry

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/ohce/ohce"
)

// classicBounds are the upper bounds of the classic buckets, from 1 µs to 10 s.
var classicBounds = []time.Duration{
	1 * time.Microsecond, 2500 * time.Nanosecond, 5 * time.Microsecond, 10 * time.Microsecond,
	25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond,
	500 * time.Microsecond, 1 * time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second,
}

// nativeSchema is the schema of a native histogram whose buckets are those of
// ohce.DurationHistogram.
const nativeSchema = 3

// durationHistogram returns h as a native histogram that also has classic buckets.
//
// A classic bucket holds the durations that are certainly within its bound: a native bucket that
// crosses the bound counts in the next classic one.
func durationHistogram(
	desc *prometheus.Desc, h *ohce.DurationHistogram, labels ...string,
) prometheus.Metric {
	native := maps.Collect(func(yield func(int, int64) bool) {
		for i, n := range h.Buckets() {
			if !yield(i, int64(n)) {
				return
			}
		}
	})
	classic := make(map[float64]uint64, len(classicBounds))
	for _, bound := range classicBounds {
		classic[bound.Seconds()] = h.CountUpTo(bound)
	}
	return &bothHistogram{
		native: prometheus.MustNewConstNativeHistogram(desc, h.Count, h.Sum.Seconds(), native, nil, 0,
			nativeSchema, 0, time.Time{}, labels...),
		classic: prometheus.MustNewConstHistogram(desc, h.Count, h.Sum.Seconds(), classic, labels...),
	}
}

// A bothHistogram is one metric with the buckets of a native and of a classic histogram.
type bothHistogram struct{ native, classic prometheus.Metric }

func (b *bothHistogram) Desc() *prometheus.Desc { return b.native.Desc() }

func (b *bothHistogram) Write(out *dto.Metric) error {
	var classic dto.Metric
	if err := b.classic.Write(&classic); err != nil {
		return err
	}
	if err := b.native.Write(out); err != nil {
		return err
	}
	out.Histogram.Bucket = classic.Histogram.Bucket
	out.Histogram.CreatedTimestamp = nil
	return nil
}
