package loadreport

import (
	"cmp"
	"fmt"
	"html/template"
	"slices"

	"github.com/ohce/ohce/measure"
)

// A chart is a plot with its title, its legend and a table of the same values.
type chart struct {
	ID, Title, Text string
	None            string // replaces the plot if there is nothing to draw
	SVG             template.HTML
	Legend          []series
	Lines           bool // the legend explains lines and not bars
	Head            []string
	Rows            [][]string
}

// Name returns the name of a series for the page.
func (s series) Name() string { return s.name }

// Class returns the class of a series for the page.
func (s series) Class() string { return s.class }

// draw sets the drawing and the legend of the chart.
func (c *chart) draw(p *plot) {
	if p.y.log {
		c.Text += " The vertical scale is logarithmic."
	}
	p.label = c.Title + ". " + c.Text
	c.SVG = template.HTML(p.svg()) // the plot escapes its texts
	c.Legend, c.Lines = p.series, !p.bars
}

// charts returns the charts of a report. Those with nothing to draw are the last.
func charts(r *measure.Report) []*chart {
	all, size := buckets(r)
	t := timeline{buckets: all, size: size, length: intervalLength(r), x: axis{max: 1}}
	if len(all) > 0 {
		t.x = timeAxis(all[len(all)-1].end)
	}
	charts := []*chart{percentileChart(r), t.latency(), t.rates(), t.losses(), t.ownFailures()}
	slices.SortStableFunc(charts, func(a, b *chart) int {
		return cmp.Compare(min(len(a.None), 1), min(len(b.None), 1))
	})
	return charts
}

// merged returns a sentence on buckets of several intervals, or nothing.
func (t *timeline) merged() string {
	if t.size == 1 {
		return ""
	}
	return fmt.Sprintf(" Each point stands for %s of %s.", plural(t.size, "interval"), duration(t.length))
}
