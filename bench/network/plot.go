package network

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"

	"github.com/ohce/ohce/bench/picture"
)

// draw draws a figure against the loss, for the cells with only loss and delay, with a line for
// each client and round-trip time.
func (r *report) draw(file, title string, figure func(*outcome) float64) error {
	p := picture.Blank(title + ": linear (grey) and adaptive (blue) schedule")
	p.X.Label.Text, p.Y.Label.Text = "loss each way, %", title
	p.X.Tick.Marker = ticks(losses)
	p.Y.Min = 0
	p.Legend.Top, p.Legend.Left = true, true
	for i, trip := range roundTrips {
		for _, series := range []struct {
			name  string
			of    func(*result) *outcome
			color color.Color
		}{
			{"linear", func(r *result) *outcome { return &r.linear }, picture.Limit},
			{"adaptive", func(r *result) *outcome { return &r.adaptive }, picture.Ours},
		} {
			var xys plotter.XYs
			for k := range r.results {
				if c := &r.results[k]; c.plain() && c.trip == trip {
					xys = append(xys, plotter.XY{X: c.loss * 100, Y: figure(series.of(c))})
				}
			}
			line, marks, err := plotter.NewLinePoints(xys)
			if err != nil {
				return err
			}
			line.Color, marks.Color, marks.Shape = series.color, series.color, plotutil.Shape(i)
			p.Add(line, marks)
			p.Legend.Add(fmt.Sprintf("%s, %v", series.name, trip), line, marks)
		}
	}
	return picture.Save(p, 4.5*vg.Inch, file)
}

// A ticks labels the measured losses.
type ticks []float64

func (t ticks) Ticks(_, _ float64) (all []plot.Tick) {
	for _, loss := range t {
		all = append(all, plot.Tick{Value: loss * 100, Label: fmt.Sprint(loss * 100)})
	}
	return all
}
