package loadreport

import (
	"fmt"
	"math"
	"time"

	"github.com/ohce/ohce/measure"
)

// percentileChart draws the latency and the service time by percentile.
func percentileChart(r *measure.Report) *chart {
	c := &chart{
		ID: "percentiles", Title: "Latency by percentile",
		Text: "Latency counts from the time at which a request was due, service time from its " +
			"transmission. A gap between both is the delay of this machine.",
		Head: []string{"Percentile", "Latency", "Service time"},
	}
	if len(r.Percentiles) == 0 {
		c.None = "There were no responses."
		return c
	}
	x := percentileAxis(r.Percentiles[len(r.Percentiles)-1].Count)
	latency := series{name: "Latency", class: "s0", points: percentilePoints(r.Percentiles, x.max)}
	service := series{name: "Service time", class: "s1",
		points: percentilePoints(r.ServicePercentiles, x.max)}
	var values []float64
	for _, p := range append(latency.points, service.points...) {
		values = append(values, p.y)
	}
	p := &plot{xTitle: "Percentile", x: x, y: durationAxis(values), series: []series{latency, service}}
	previous := 0.0
	for i, at := range r.Percentiles {
		row := []string{percentileName(at.Percent), duration(at.Value.Duration()),
			serviceAt(r.ServicePercentiles, at.Percent)}
		c.Rows = append(c.Rows, row)
		if to := latency.points[i].x; to > previous {
			p.columns = append(p.columns, column{from: previous, to: to,
				text: fmt.Sprintf("%s: latency %s, service time %s", row[0], row[1], row[2])})
			previous = to
		}
	}
	c.draw(p)
	return c
}

// percentilePoints returns the points of a line. The maximum, which would be infinitely far away,
// is at the end.
func percentilePoints(percentiles []measure.Percentile, end float64) (all []point) {
	for _, p := range percentiles {
		x := end
		if p.Percent < 100 {
			x = min(-math.Log10(1-p.Percent/100), end)
		}
		all = append(all, point{x, inMillis(p.Value.Duration())})
	}
	return all
}

// serviceAt returns the first service time whose percentile is at least percent.
func serviceAt(percentiles []measure.Percentile, percent float64) string {
	var last time.Duration
	for _, p := range percentiles {
		if last = p.Value.Duration(); p.Percent >= percent {
			break
		}
	}
	return duration(last)
}

// percentileName formats a percentile with two digits behind the nines.
func percentileName(percent float64) string {
	if percent >= 100 {
		return "100 %"
	}
	decimals := 2
	for rest := 100 - percent; rest < 0.999 && decimals < 12; rest *= 10 {
		decimals++
	}
	return fmt.Sprintf("%.*f %%", decimals, percent)
}
