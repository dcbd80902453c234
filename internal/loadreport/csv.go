package loadreport

import (
	"encoding/csv"
	"io"
	"strconv"
	"time"

	"github.com/ohce/ohce/measure"
)

// distributionColumns are the columns of a distribution.
var distributionColumns = []struct {
	name string
	of   func(measure.Distribution) time.Duration
}{
	{"min", func(d measure.Distribution) time.Duration { return d.Min }},
	{"mean", func(d measure.Distribution) time.Duration { return d.Mean }},
	{"median", func(d measure.Distribution) time.Duration { return d.Median }},
	{"p90", func(d measure.Distribution) time.Duration { return d.P90 }},
	{"p99", func(d measure.Distribution) time.Duration { return d.P99 }},
	{"p999", func(d measure.Distribution) time.Duration { return d.P999 }},
	{"max", func(d measure.Distribution) time.Duration { return d.Max }},
}

// WriteCSV writes a table with a header line and a line for each interval of a report (RFC 4180).
// Times are in milliseconds. The times of an interval without responses are empty.
func WriteCSV(w io.Writer, r *measure.Report) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	header := []string{"begin_ms", "asked", "sent", "answered", "lost", "refused", "duplicates",
		"own_missed", "own_refused", "own_overflow"}
	for _, prefix := range []string{"latency_", "service_"} {
		for _, column := range distributionColumns {
			header = append(header, prefix+column.name+"_ms")
		}
	}
	if err := c.Write(header); err != nil {
		return err
	}
	for _, i := range r.Intervals {
		if err := c.Write(csvRow(i)); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func csvRow(i measure.Interval) []string {
	row := []string{csvMillis(i.Begin.Duration())}
	for _, n := range []int{i.Asked, i.Sent, i.Answered, i.Lost, i.Refused, i.Duplicates, i.Own.Missed,
		i.Own.Refused, i.Own.Overflow} {
		row = append(row, strconv.Itoa(n))
	}
	for _, d := range []measure.Distribution{i.Latency, i.Service} {
		for _, column := range distributionColumns {
			cell := ""
			if i.Answered > 0 {
				cell = csvMillis(column.of(d))
			}
			row = append(row, cell)
		}
	}
	return row
}

// csvMillis formats d in milliseconds, to the microsecond.
func csvMillis(d time.Duration) string {
	return strconv.FormatFloat(inMillis(d.Round(time.Microsecond)), 'f', -1, 64)
}

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
