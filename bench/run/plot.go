package main

import (
	"errors"
	"image/color"
	"os"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The colors of a server's bars: ours, the limits', everybody else's.
var (
	colorOurs   = color.RGBA{0x1f, 0x6f, 0xb4, 0xff}
	colorLimit  = color.RGBA{0x55, 0x55, 0x55, 0xff}
	colorOthers = color.RGBA{0xc0, 0xc8, 0xd0, 0xff}
)

// bars draws the medians of a load, a bar a server, with the range of the rounds. A round trip of more
// than ten times the limit's would leave no room for the others.
func bars(file string, l load, results []result) error {
	f, unit := l.figure()
	p := blank(l.title)
	p.X.Label.Text = unit
	p.X.Min, p.X.Tick.Marker = 0, grouped{}
	var names []string
	results = slices.Clone(results)
	slices.Reverse(results) // the first one on top
	if l.trip {
		limit := named(results, l.limit)
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
		case "ohce", "ohce --spin":
			bar.Color = colorOurs
		case limitBatch, limitRuns:
			bar.Color = colorLimit
		default:
			bar.Color = colorOthers
		}
		whisker, err := plotter.NewXErrorBars(point{mid, float64(i), mid - low, high - mid})
		if err != nil {
			return err
		}
		p.Add(bar, whisker)
		names = append(names, r.name+strings.Repeat("\u00a0", 4)) // another font may be wider
	}
	p.NominalY(names...)
	return save(p, vg.Length(len(results))*vg.Points(22)+vg.Inch, file)
}

// point is one value with its error bar, as plotter wants it.
type point struct{ x, y, low, high float64 }

func (p point) Len() int                       { return 1 }
func (p point) XY(int) (x, y float64)          { return p.x, p.y }
func (p point) XError(int) (low, high float64) { return -p.low, p.high }

// lines draws the processor time for an answer while a quantity grows, a line a server.
func (g *growth) lines(file string) error {
	p := blank(g.title)
	p.X.Label.Text, p.Y.Label.Text = g.of, "CPU an answer, ns"
	p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, grouped{plot.LogTicks{Prec: -1}}
	p.Y.Min, p.Y.Tick.Marker = 0, grouped{}
	p.Legend.Top, p.Legend.Left = true, true
	for i, name := range growing {
		var xys plotter.XYs
		for j, at := range g.at {
			mid, _, _ := g.results[name][j].spread(cpu)
			xys = append(xys, plotter.XY{X: float64(at), Y: mid})
		}
		line, marks, err := plotter.NewLinePoints(xys)
		if err != nil {
			return err
		}
		line.Color, marks.Color = colorLimit, colorLimit
		if name == "ohce" {
			line.Color, marks.Color = colorOurs, colorOurs
		}
		marks.Shape = plotutil.Shape(i)
		p.Add(line, marks)
		p.Legend.Add(name, line, marks)
	}
	p.Y.Max *= 1.25 // room for the legend
	return save(p, 3.5*vg.Inch, file)
}

// grouped are ticks whose numbers have their thousands apart.
type grouped struct{ plot.Ticker }

func (g grouped) Ticks(low, high float64) []plot.Tick {
	if g.Ticker == nil {
		g.Ticker = plot.DefaultTicks{}
	}
	ticks := g.Ticker.Ticks(low, high)
	for i, t := range ticks {
		if t.Label != "" {
			ticks[i].Label = whole(int(t.Value + 0.5))
		}
	}
	return ticks
}

// blank is a plot with nothing but its title.
func blank(title string) *plot.Plot {
	plot.DefaultFont.Variant = "Sans"
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	p.BackgroundColor = color.White
	return p
}

// save writes a plot as SVG, with a margin for text that another font makes longer.
func save(p *plot.Plot, height vg.Length, file string) error {
	canvas := vgsvg.New(7.5*vg.Inch, height)
	all := draw.New(canvas)
	all.SetColor(color.White)
	all.Fill(all.Rectangle.Path())
	p.Draw(draw.Crop(all, vg.Points(24), -vg.Points(24), vg.Points(6), -vg.Points(6)))
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = canvas.WriteTo(f)
	return errors.Join(err, f.Close())
}
