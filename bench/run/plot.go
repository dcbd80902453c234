package main

import (
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/ohce/ohce/bench/picture"
)

// colorOthers is the color of the bars other than those of ohce and of the limits.
var colorOthers = color.RGBA{0xc0, 0xc8, 0xd0, 0xff}

// barChart draws a bar for the median of each server, with the range over the rounds. It leaves out
// round-trip times of more than ten times the limit's, which would make the other bars too short.
func barChart(file string, l load, results []result) error {
	f, unit := l.figure()
	p := picture.Blank(l.title)
	p.X.Label.Text = unit
	p.X.Min, p.X.Tick.Marker = 0, intTicker{}
	var names []string
	results = slices.Clone(results)
	slices.Reverse(results) // the chart draws from bottom to top
	if l.trip {
		limit := find(results, l.limit)
		results = slices.DeleteFunc(results, func(r result) bool { return r.ratio(limit, f) > 10 })
	}
	for i, r := range results {
		mid, low, high := r.spread(f)
		bar, err := plotter.NewBarChart(plotter.Values{mid}, vg.Points(13))
		if err != nil {
			return err
		}
		bar.Horizontal, bar.XMin, bar.LineStyle.Width = true, float64(i), 0
		switch r.name {
		case "ohce", "ohce --busy-poll":
			bar.Color = picture.Ours
		case limitBatch, limitRuns:
			bar.Color = picture.Limit
		default:
			bar.Color = colorOthers
		}
		whisker, err := plotter.NewXErrorBars(point{mid, float64(i), mid - low, high - mid})
		if err != nil {
			return err
		}
		p.Add(bar, whisker)
		names = append(names, r.name+strings.Repeat("\u00a0", 4)) // room for a wider font
	}
	p.NominalY(names...)
	return picture.Save(p, vg.Length(len(results))*vg.Points(22)+vg.Inch, file)
}

// A point is one value with its error bar, for package plotter.
type point struct{ x, y, low, high float64 }

func (p point) Len() int                       { return 1 }
func (p point) XY(int) (x, y float64)          { return p.x, p.y }
func (p point) XError(int) (low, high float64) { return -p.low, p.high }

// lineChart draws a line for each server, with the CPU time per response at each value of the
// sweep.
func (g *sweep) lineChart(file string) error {
	p := picture.Blank(g.title)
	p.X.Label.Text, p.Y.Label.Text = g.of, "CPU per response, ns"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, intTicker{plot.LogTicks{Prec: -1}}
	p.Y.Min, p.Y.Tick.Marker = 0, intTicker{}
	p.Legend.Top, p.Legend.Left = true, true
	for i, name := range sweepServers {
		var xys plotter.XYs
		for j, at := range g.at {
			mid, _, _ := g.results[name][j].spread(cpu)
			xys = append(xys, plotter.XY{X: float64(at), Y: mid})
		}
		line, marks, err := plotter.NewLinePoints(xys)
		if err != nil {
			return err
		}
		line.Color, marks.Color = picture.Limit, picture.Limit
		if name == "ohce" {
			line.Color, marks.Color = picture.Ours, picture.Ours
		}
		marks.Shape = plotutil.Shape(i)
		p.Add(line, marks)
		p.Legend.Add(name, line, marks)
	}
	p.Y.Max *= 1.25 // room for the legend
	return picture.Save(p, 3.5*vg.Inch, file)
}

// An intTicker labels ticks with integers that have thousands separators.
type intTicker struct{ plot.Ticker }

func (g intTicker) Ticks(low, high float64) []plot.Tick {
	if g.Ticker == nil {
		g.Ticker = plot.DefaultTicks{}
	}
	ticks := g.Ticker.Ticks(low, high)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = formatInt(int(t.Value + 0.5))
		}
	}
	return ticks
}
