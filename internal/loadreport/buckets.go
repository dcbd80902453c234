package loadreport

import (
	"math"
	"time"

	"github.com/ohce/ohce/measure"
)

// maxBuckets is the largest number of points of a line over time. More would be closer to each
// other than the width of the line, and make the file larger.
const maxBuckets = 150

// A bucket is one interval of a run, or several consecutive ones.
type bucket struct {
	begin, end time.Duration
	counts     measure.Interval // the sums of the counts
	// The rates are NaN if the bucket has no complete interval.
	asked, sent, answered float64
	// median and p99 are means weighted by the responses, max is the maximum. All are in
	// milliseconds, and NaN without responses.
	median, p99, max float64
}

// buckets returns the intervals of a report as at most maxBuckets buckets, and the number of
// intervals in each of them.
func buckets(r *measure.Report) (all []bucket, size int) {
	length := intervalLength(r)
	size = max(1, (len(r.Intervals)+maxBuckets-1)/maxBuckets)
	for n := 0; n < len(r.Intervals); n += size {
		part := r.Intervals[n:min(n+size, len(r.Intervals))]
		all = append(all, newBucket(part, length, r.Duration.Duration()))
	}
	return all, size
}

// intervalLength returns the length of the intervals. That of a single interval is the duration of
// the run.
func intervalLength(r *measure.Report) time.Duration {
	if len(r.Intervals) < 2 {
		return max(r.Duration.Duration(), time.Millisecond)
	}
	return max(r.Intervals[1].Begin.Duration()-r.Intervals[0].Begin.Duration(), time.Microsecond)
}

// newBucket adds intervals up. Rates leave out intervals that end after the last transmission, at
// duration.
func newBucket(intervals []measure.Interval, length, duration time.Duration) bucket {
	last := intervals[len(intervals)-1]
	b := bucket{begin: intervals[0].Begin.Duration(), end: last.Begin.Duration() + length}
	var rates measure.Interval
	var seconds, answered, median, p99 float64
	for _, i := range intervals {
		addCounts(&b.counts, i)
		if i.Begin.Duration()+length*95/100 <= duration {
			addCounts(&rates, i)
			seconds += length.Seconds()
		}
		n := float64(i.Answered)
		answered += n
		median += n * inMillis(i.Latency.Median)
		p99 += n * inMillis(i.Latency.P99)
		b.max = max(b.max, inMillis(i.Latency.Max))
	}
	b.asked, b.sent, b.answered = math.NaN(), math.NaN(), math.NaN()
	if seconds > 0 {
		b.asked, b.sent = float64(rates.Asked)/seconds, float64(rates.Sent)/seconds
		b.answered = float64(rates.Answered) / seconds
	}
	if b.median, b.p99 = median/answered, p99/answered; answered == 0 {
		b.median, b.p99, b.max = math.NaN(), math.NaN(), math.NaN()
	}
	return b
}

func addCounts(sum *measure.Interval, i measure.Interval) {
	sum.Asked += i.Asked
	sum.Sent += i.Sent
	sum.Answered += i.Answered
	sum.Lost += i.Lost
	sum.Refused += i.Refused
	sum.Own.Missed += i.Own.Missed
	sum.Own.Refused += i.Own.Refused
	sum.Own.Overflow += i.Own.Overflow
}
