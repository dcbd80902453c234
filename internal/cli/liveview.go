package cli

import (
	"time"

	"github.com/ohce/ohce/measure"
)

// The largest parts of a live view, in lines.
const (
	maxHistogramRows = 20
	maxStripRows     = 3
)

// A liveView is the state that ohce ping --live shows.
type liveView struct {
	title   string // the first line
	elapsed time.Duration
	totals  string // the counts, separated by ", "
	sum     *measure.Summary
	strip   strip
	style   style
}

// draw returns at most height lines of at most width columns: the title, the counts, the
// percentiles, the histogram of the round-trip times, the last results and their legend. If the
// terminal is too low for all, it leaves out the histogram first.
func (v *liveView) draw(width, height int) []string {
	if width <= 0 || height <= 0 {
		return nil
	}
	title := cut(v.title+", "+v.elapsed.Truncate(time.Second).String(), width)
	lines := append([]string{v.style.bold(title)}, wrap(v.totals, ", ", width)...)
	lines = append(lines, wrap(roundTrips(v.sum), ", ", width)...)
	results := append(v.strip.draw(width, maxStripRows, v.style), stripLegend(width)...)

	room := height - len(lines) - len(results) - 2 // two empty lines
	histogram := drawHistogram(v.sum.RTTBuckets(min(room, maxHistogramRows)), width)
	for _, part := range [][]string{histogram, results} {
		if len(part) > 0 && len(lines)+1+len(part) <= height {
			lines = append(lines, "")
		}
		lines = append(lines, part...)
	}
	return lines[:min(len(lines), height)]
}

// roundTrips returns the percentiles of the round-trip times.
func roundTrips(sum *measure.Summary) string {
	rtt := sum.RTT()
	if rtt.Count == 0 {
		return "no round trip"
	}
	return "round trip min " + inMillis(rtt.Min) + ", median " + inMillis(rtt.Median) +
		", p90 " + inMillis(rtt.P90) + ", p99 " + inMillis(rtt.P99) + ", p99.9 " + inMillis(rtt.P999) +
		", max " + inMillis(rtt.Max) + ", jitter " + inMillis(sum.Jitter())
}
