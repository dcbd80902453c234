package measure_test

import (
	"slices"
	"testing"
	"time"

	"github.com/ohce/ohce/measure"
)

func TestRTTBuckets(t *testing.T) {
	const us = time.Microsecond
	for _, tt := range []struct {
		name string
		rtts []time.Duration
		n    int
		want []measure.Bucket
	}{
		{"none", nil, 5, nil},
		{"no buckets", []time.Duration{ms}, 0, nil},
		{"negative", []time.Duration{ms}, -1, nil},
		{"equal", []time.Duration{ms, ms, ms}, 5, []measure.Bucket{{From: ms, To: ms, Count: 3}}},
		{"one", []time.Duration{ms, 3 * ms}, 1, []measure.Bucket{{From: ms, To: 3 * ms, Count: 2}}},
		{"equal width", []time.Duration{10 * ms, 11 * ms, 13 * ms, 15 * ms, 18 * ms}, 4, []measure.Bucket{
			{From: 10 * ms, To: 12 * ms, Count: 2}, {From: 12 * ms, To: 14 * ms, Count: 1},
			{From: 14 * ms, To: 16 * ms, Count: 1}, {From: 16 * ms, To: 18 * ms, Count: 1},
		}},
		{"equal ratios", []time.Duration{100 * us, 150 * us, 1500 * us, 100 * ms}, 3, []measure.Bucket{
			{From: 100 * us, To: ms, Count: 2}, {From: ms, To: 10 * ms, Count: 1},
			{From: 10 * ms, To: 100 * ms, Count: 1},
		}},
		{"zero", []time.Duration{0, 100 * ms}, 2, []measure.Bucket{
			{From: 0, To: 50 * ms, Count: 1}, {From: 50 * ms, To: 100 * ms, Count: 1},
		}},
		{"narrow", []time.Duration{5, 7}, 9, []measure.Bucket{{From: 5, To: 6, Count: 1}, {From: 6, To: 7, Count: 1}}},
		{"longer than an hour", []time.Duration{time.Hour, 3 * time.Hour}, 2, []measure.Bucket{
			{From: time.Hour, To: 2 * time.Hour, Count: 2}, {From: 2 * time.Hour, To: 3 * time.Hour},
		}},
	} {
		var sum measure.Summary
		for _, rtt := range tt.rtts {
			sum.Add(measure.Sample{RTT: rtt})
		}
		if got := sum.RTTBuckets(tt.n); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestRTTBucketsCountAll checks that each duration counts in one bucket, and that the buckets are
// adjacent.
func TestRTTBucketsCountAll(t *testing.T) {
	for _, step := range []time.Duration{time.Nanosecond, time.Microsecond, 17 * time.Microsecond} {
		var sum measure.Summary
		for i := range 10_000 {
			sum.Add(measure.Sample{RTT: 50*time.Microsecond + time.Duration(i*i%9973)*step})
		}
		for n := 1; n < 40; n++ {
			total := 0
			all := sum.RTTBuckets(n)
			for i, b := range all {
				total += b.Count
				if b.To <= b.From || i > 0 && b.From != all[i-1].To {
					t.Fatalf("step %v: buckets %v", step, all)
				}
			}
			if rtt := sum.RTT(); total != 10_000 || all[0].From != rtt.Min || all[len(all)-1].To != rtt.Max {
				t.Errorf("step %v: %d times in %d buckets from %v to %v", step, total, len(all), all[0].From,
					all[len(all)-1].To)
			}
		}
	}
}
