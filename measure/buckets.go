package measure

import (
	"math"
	"time"
)

// A Bucket counts the durations of a range.
type Bucket struct {
	// From is the smallest duration of the range. To is the end of the range and the From of the
	// next bucket. The last bucket includes To.
	From, To time.Duration
	Count    int
}

// minRatio is the ratio of the longest to the shortest duration from which buckets grow.
const minRatio = 8

// RTTBuckets divides the range of the round-trip times into n buckets, in ascending order. The
// buckets have equal width or, if the longest time is at least eight times the shortest, equal
// ratios of To to From. The counts have the error of a percentile: a time within 0.1 % of a limit
// can count in the bucket beside it. A time of more than an hour counts as an hour.
//
// RTTBuckets returns nil if there are no round-trip times or n is not positive, and one bucket if
// all times are equal.
func (s *Summary) RTTBuckets(n int) []Bucket { return s.rtt.buckets(n) }

// buckets is Summary.RTTBuckets for any durations.
func (h *histogram) buckets(n int) []Bucket {
	if h.n == 0 || n <= 0 {
		return nil
	}
	if h.min == h.max {
		return []Bucket{{From: h.min, To: h.max, Count: h.n}}
	}
	all := divide(h.min, h.max, n)
	i := 0
	for _, bar := range h.recorded().Distribution() {
		if bar.Count == 0 {
			continue
		}
		middle := time.Duration(bar.From + (bar.To-bar.From)/2)
		for i < len(all)-1 && middle >= all[i].To {
			i++
		}
		all[i].Count += int(bar.Count)
	}
	return all
}

// divide divides the range from low to high, which must be greater, into at most n buckets without
// counts. A range of less than n nanoseconds has fewer.
func divide(low, high time.Duration, n int) []Bucket {
	limit := func(i int) time.Duration {
		share := float64(i) / float64(n)
		if low > 0 && high/low >= minRatio {
			return time.Duration(math.Round(float64(low) * math.Pow(float64(high)/float64(low), share)))
		}
		return low + time.Duration(share*float64(high-low))
	}
	var all []Bucket
	from := low
	for i := 1; i <= n; i++ {
		to := limit(i)
		if i == n {
			to = high
		}
		if to > from {
			all = append(all, Bucket{From: from, To: to})
			from = to
		}
	}
	return all
}
