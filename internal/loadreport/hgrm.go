package loadreport

import (
	"bufio"
	"fmt"
	"io"
	"math"

	"github.com/ohce/ohce/measure"
)

// The sizes of the histograms of package measure: from 1 ns to an hour with three digits.
const hgrmBuckets, hgrmSubBuckets = 32, 2048

// WriteHGRM writes a distribution in the percentile format of HdrHistogram (.hgrm), in
// milliseconds: Report.Latency with Report.Percentiles, or Report.Service with
// Report.ServicePercentiles. The standard deviation is estimated from the percentiles. Without
// percentiles, it writes a table without lines.
func WriteHGRM(w io.Writer, d measure.Distribution, percentiles []measure.Percentile) error {
	b := bufio.NewWriter(w) // its errors are those of Flush
	fmt.Fprintf(b, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")
	total := 0
	for _, p := range percentiles {
		share := p.Percent / 100
		fmt.Fprintf(b, "%12.3f %2.12f %10d", inMillis(p.Value.Duration()), share, p.Count)
		if share < 1 {
			fmt.Fprintf(b, " %14.2f", 1/(1-share))
		}
		b.WriteByte('\n')
		total = p.Count
	}
	mean := inMillis(d.Mean)
	fmt.Fprintf(b, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean, deviation(mean, percentiles))
	fmt.Fprintf(b, "#[Max     = %12.3f, Total count    = %12d]\n", inMillis(d.Max), total)
	fmt.Fprintf(b, "#[Buckets = %12d, SubBuckets     = %12d]\n", hgrmBuckets, hgrmSubBuckets)
	return b.Flush()
}

// deviation estimates the standard deviation in milliseconds. It takes the middle between two
// percentiles for the values between them.
func deviation(mean float64, percentiles []measure.Percentile) float64 {
	var squares float64
	count, previous := 0, 0.0
	for i, p := range percentiles {
		value := inMillis(p.Value.Duration())
		middle := (previous + value) / 2
		if i == 0 {
			middle = value
		}
		squares += float64(p.Count-count) * (middle - mean) * (middle - mean)
		count, previous = p.Count, value
	}
	if count == 0 {
		return 0
	}
	return math.Sqrt(squares / float64(count))
}
