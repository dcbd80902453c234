package telemetry

import (
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/ohce/ohce"
)

// TestReadHistogram checks that each read is in the bucket of its size, and that the reads which
// are larger than the last bound are in +Inf only.
func TestReadHistogram(t *testing.T) {
	var sizes ohce.ReadSizes
	for i := range sizes {
		sizes[i] = 1 << i // a sum identifies its parts
	}
	desc := prometheus.NewDesc("reads", "Reads.", []string{"shard"}, nil)
	var m dto.Metric
	if err := readHistogram(desc, &sizes, 12345, "3").Write(&m); err != nil {
		t.Fatal(err)
	}
	h := m.GetHistogram()
	if h.GetSampleCount() != 16383 || h.GetSampleSum() != 12345 || m.GetLabel()[0].GetValue() != "3" {
		t.Errorf("metric %v, want 16,383 reads of 12,345 datagrams, shard 3", &m)
	}
	buckets := h.GetBucket()
	if last := len(buckets) - 1; last >= 0 && math.IsInf(buckets[last].GetUpperBound(), 1) {
		buckets = buckets[:last]
	}
	if len(buckets) != 13 {
		t.Fatalf("%d buckets, want 13", len(buckets))
	}
	for i, b := range buckets {
		bound, count := math.Exp2(float64(i)), uint64(2)<<i-1
		if b.GetUpperBound() != bound || b.GetCumulativeCount() != count {
			t.Errorf("bucket %d has %d reads up to %v, want %d up to %v", i, b.GetCumulativeCount(),
				b.GetUpperBound(), count, bound)
		}
	}
}
