package ohce

import (
	"encoding/json"
	"iter"
	"maps"
	"math"
	"slices"
	"time"
)

// The range of the buckets of a DurationHistogram: from 0.93 ns to 4,096 s.
const (
	bucketsPerOctave = 8
	minBucket        = -30 * bucketsPerOctave
	maxBucket        = 12 * bucketsPerOctave
)

// A DurationHistogram counts durations in buckets. Bucket i holds the durations up to 2^(i/8)
// seconds that are longer than those of bucket i-1, so a bound is 9 % above the previous one. These
// are the buckets of a native histogram of Prometheus with schema 3.
type DurationHistogram struct {
	// Count is the number of durations, and Sum is their sum.
	Count uint64
	Sum   time.Duration

	buckets [maxBucket - minBucket + 1]uint64
}

// bucketBounds holds the upper bound of each bucket, from minBucket on.
var bucketBounds = func() (bounds [maxBucket - minBucket + 1]time.Duration) {
	for i := range bounds {
		exponent := float64(minBucket+i) / bucketsPerOctave
		bounds[i] = time.Duration(math.Exp2(exponent) * float64(time.Second))
	}
	return bounds
}()

// Buckets returns an iterator over the buckets that are not empty, as pairs of i and the number of
// durations, in ascending order. The last one, 96, also holds longer durations.
func (h *DurationHistogram) Buckets() iter.Seq2[int, uint64] {
	return func(yield func(int, uint64) bool) {
		for i, n := range h.buckets {
			if n > 0 && !yield(minBucket+i, n) {
				return
			}
		}
	}
}

// CountUpTo returns the number of durations up to d. It is exact if d is the bound of a bucket.
// Otherwise, the durations in the bucket of d do not count. If d is at least 4,096 s, all durations
// count.
func (h *DurationHistogram) CountUpTo(d time.Duration) (n uint64) {
	for i, count := range h.buckets {
		if bucketBounds[i] > d {
			break
		}
		n += count
	}
	return n
}

// Quantile returns an upper bound of the duration below which the share q of all durations is. The
// bound is less than 10 % too long. Durations above 4,096 s count as 4,096 s. If there are no
// durations, it is 0. q must be from 0 to 1.
func (h *DurationHistogram) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(h.Count)))
	var n uint64
	for i, count := range h.buckets {
		if n += count; n >= rank && n > 0 {
			return bucketBounds[i]
		}
	}
	return 0
}

// Sub returns the durations of h that were added after earlier, which must be an earlier copy of h.
func (h *DurationHistogram) Sub(earlier *DurationHistogram) DurationHistogram {
	d := *h
	d.Count -= earlier.Count
	d.Sum -= earlier.Sum
	for i, n := range earlier.buckets {
		d.buckets[i] -= n
	}
	return d
}

// Add adds the durations of other to h.
func (h *DurationHistogram) Add(other *DurationHistogram) {
	h.Count += other.Count
	h.Sum += other.Sum
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}

// record adds a duration. One that is not positive counts as the shortest.
func (h *DurationHistogram) record(d time.Duration) {
	i, _ := slices.BinarySearch(bucketBounds[:], d)
	h.buckets[min(i, len(h.buckets)-1)]++
	h.Count++
	h.Sum += max(d, 0)
}

// MarshalJSON returns an object with the fields count, sum_seconds and buckets, which maps the numbers
// of the buckets that are not empty to their counts.
func (h DurationHistogram) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Count   uint64         `json:"count"`
		Sum     float64        `json:"sum_seconds"`
		Buckets map[int]uint64 `json:"buckets"`
	}{h.Count, h.Sum.Seconds(), maps.Collect(h.Buckets())})
}
