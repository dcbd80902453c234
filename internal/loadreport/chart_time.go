package loadreport

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/ohce/ohce/measure"
)

// A timeline has the charts of values over time.
type timeline struct {
	buckets []bucket
	size    int           // intervals in a bucket
	length  time.Duration // of an interval
	x       axis
}

// A track is a value of each bucket.
type track struct {
	name, class string
	of          func(bucket) float64
	format      func(float64) string
}

func (t *timeline) latency() *chart {
	text := "Latencies of the responses that arrived in each interval." + t.merged()
	if t.size > 1 {
		text += " The median and p99 are means of their values, the maximum is the largest value."
	}
	return t.lines(&chart{ID: "latency", Title: "Latency over time", Text: text,
		None: "There were no responses."}, durationAxis, []track{
		{"Maximum", "s2", func(b bucket) float64 { return b.max }, millisLabel},
		{"p99", "s1", func(b bucket) float64 { return b.p99 }, millisLabel},
		{"Median", "s0", func(b bucket) float64 { return b.median }, millisLabel},
	})
}

func (t *timeline) rates() *chart {
	axisOf := func(values []float64) axis { return rateAxis(maximum(values)) }
	asked := track{"Asked", "s3", func(b bucket) float64 { return b.asked }, rate}
	return t.lines(&chart{ID: "rates", Title: "Rates over time",
		Text: "Requests that were due (asked), requests sent, and right responses, each a second." +
			t.merged(),
		None: "The run was too short for a rate."}, axisOf, []track{
		asked,
		{"Sent", "s1", func(b bucket) float64 { return b.sent }, rate},
		{"Answered", "s0", func(b bucket) float64 { return b.answered }, rate},
	})
}

func (t *timeline) losses() *chart {
	return t.stacks(&chart{ID: "loss", Title: "Loss over time",
		Text: "Requests without a right response in time, by the interval in which they ended." +
			t.merged(),
		None: "No request was lost, and none was refused."}, []track{
		{"Lost, late or wrong", "s4", lost, shortCount},
		{"Refused", "s2", func(b bucket) float64 { return float64(b.counts.Refused) }, shortCount},
	})
}

// lost returns the requests without a response that this machine did not lose.
func lost(b bucket) float64 { return float64(max(b.counts.Lost-b.counts.Own.Overflow, 0)) }

func (t *timeline) ownFailures() *chart {
	return t.stacks(&chart{ID: "own", Title: "Failures of this machine over time",
		Text: "Requests and responses that this machine did not handle. The server did not " +
			"cause these failures." + t.merged(),
		None: "This machine did not fail."}, []track{
		{"Sent too late or not at all", "s1", ownCount(func(own measure.Own) int { return own.Missed }),
			shortCount},
		{"Refused by the system", "s2", ownCount(func(own measure.Own) int { return own.Refused }),
			shortCount},
		{"Responses dropped", "s4", ownCount(func(own measure.Own) int { return own.Overflow }),
			shortCount},
	})
}

// ownCount returns the function that takes a count of own failures from a bucket.
func ownCount(of func(measure.Own) int) func(bucket) float64 {
	return func(b bucket) float64 { return float64(of(b.counts.Own)) }
}

// lines draws a line for each track, if any of them has a value.
func (t *timeline) lines(c *chart, y func([]float64) axis, tracks []track) *chart {
	p := &plot{xTitle: "Time since the start", x: t.x, columns: t.columns(tracks)}
	var values []float64
	for _, k := range tracks {
		s := series{name: k.name, class: k.class}
		for _, b := range t.buckets {
			v := k.of(b)
			s.points = append(s.points, point{(b.begin + b.end).Seconds() / 2, v})
			if !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		p.series = append(p.series, s)
	}
	if len(values) == 0 {
		return c
	}
	c.None, p.y = "", y(values)
	t.table(c, tracks)
	c.draw(p)
	return c
}

// stacks draws bars with a part for each track, if any of them is not 0. It leaves out tracks that
// are always 0.
func (t *timeline) stacks(c *chart, all []track) *chart {
	var tracks []track
	high := 0.0
	for _, k := range all {
		var values []float64
		for _, b := range t.buckets {
			values = append(values, k.of(b))
		}
		if maximum(values) > 0 {
			tracks = append(tracks, k)
		}
	}
	if len(tracks) == 0 {
		return c
	}
	p := &plot{xTitle: "Time since the start", x: t.x, bars: true, columns: t.columns(tracks)}
	for i, b := range t.buckets {
		total := 0.0
		for _, k := range tracks {
			p.columns[i].values = append(p.columns[i].values, k.of(b))
			total += k.of(b)
		}
		high = max(high, total)
	}
	for _, k := range tracks {
		p.series = append(p.series, series{name: k.name, class: k.class})
	}
	c.None, p.y = "", countAxis(high)
	t.table(c, tracks)
	c.draw(p)
	return c
}

// columns returns a column for each bucket.
func (t *timeline) columns(tracks []track) (all []column) {
	for _, b := range t.buckets {
		var parts []string
		for _, k := range tracks {
			parts = append(parts, strings.ToLower(k.name[:1])+k.name[1:]+" "+k.text(b))
		}
		all = append(all, column{from: b.begin.Seconds(), to: b.end.Seconds(),
			text: b.span() + ": " + strings.Join(parts, ", ")})
	}
	return all
}

// table sets the table of a chart.
func (t *timeline) table(c *chart, tracks []track) {
	c.Head = []string{"Time"}
	for _, k := range tracks {
		c.Head = append(c.Head, k.name)
	}
	for _, b := range t.buckets {
		row := []string{b.span()}
		for _, k := range tracks {
			row = append(row, k.text(b))
		}
		c.Rows = append(c.Rows, row)
	}
}

// text formats the value of a bucket.
func (k track) text(b bucket) string {
	if v := k.of(b); !math.IsNaN(v) {
		return k.format(v)
	}
	return "–"
}

// span names the time of a bucket.
func (b bucket) span() string { return fmt.Sprintf("%s to %s", spanTime(b.begin), spanTime(b.end)) }

func spanTime(d time.Duration) string {
	if d >= time.Second && d < time.Minute && d%time.Second != 0 {
		return significant(d.Round(time.Millisecond).Seconds(), 5) + " s"
	}
	return elapsed(d)
}

// maximum returns the largest value, or 0. It ignores NaN.
func maximum(values []float64) (high float64) {
	for _, v := range values {
		if v > high {
			high = v
		}
	}
	return high
}
