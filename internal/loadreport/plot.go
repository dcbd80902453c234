package loadreport

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The size of a plot and of the area between its axes, in units of the drawing.
const (
	plotWidth, plotHeight = 640, 300
	plotLeft, plotRight   = 74, 626
	plotTop, plotBottom   = 14, 250
)

// A plot is a diagram with lines or stacked bars.
type plot struct {
	label  string // describes the plot for readers who do not see it
	xTitle string
	x, y   axis
	series []series
	bars   bool // stacked bars in the columns instead of lines
	// columns divide the plot from left to right. Each has the values of the series at its place.
	columns []column
}

// A series is a line, or the parts of bars, with the colour of the given class.
type series struct {
	name, class string
	points      []point // for lines, in order; NaN as y makes a gap
}

type point struct{ x, y float64 }

// A column is a part of the x axis. Its text is shown while the pointer is over it.
type column struct {
	from, to float64
	text     string
	values   []float64 // heights of the bars, by series
}

// svg returns the plot as an SVG element that fills the width of its parent.
func (p *plot) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, plotWidth, plotHeight,
		html.EscapeString(p.label))
	p.writeAxes(&b)
	if p.bars {
		p.writeBars(&b)
	} else {
		for _, s := range p.series {
			p.writeLine(&b, s)
		}
	}
	for _, c := range p.columns {
		from, to := p.left(c.from), p.left(c.to)
		fmt.Fprintf(&b, `<rect class="h" x="%s" y="%d" width="%s" height="%d"><title>%s</title></rect>`,
			number(from), plotTop, number(to-from), plotBottom-plotTop, html.EscapeString(c.text))
	}
	b.WriteString("</svg>")
	return b.String()
}

func (p *plot) left(x float64) float64 { return p.x.position(x, plotLeft, plotRight) }
func (p *plot) top(y float64) float64  { return p.y.position(y, plotBottom, plotTop) }

func (p *plot) writeAxes(b *strings.Builder) {
	for _, t := range p.y.ticks {
		y := number(p.top(t.at))
		fmt.Fprintf(b, `<path class="g" d="M%d %sH%d"/>`, plotLeft, y, plotRight)
		if t.label != "" {
			fmt.Fprintf(b, `<text class="y" x="%d" y="%s" dy=".35em">%s</text>`, plotLeft-8, y,
				html.EscapeString(t.label))
		}
	}
	for _, t := range p.x.ticks {
		at, class := p.left(t.at), "x"
		if at > plotRight-20 {
			class = "y" // ends at the edge
		}
		fmt.Fprintf(b, `<path class="t" d="M%s %dv5"/><text class="%s" x="%s" y="%d">%s</text>`,
			number(at), plotBottom, class, number(at), plotBottom+26, html.EscapeString(t.label))
	}
	fmt.Fprintf(b, `<path class="t" d="M%d %dH%d"/><text class="x n" x="%d" y="%d">%s</text>`, plotLeft,
		plotBottom, plotRight, (plotLeft+plotRight)/2, plotHeight-5, html.EscapeString(p.xTitle))
}

// writeLine writes the line of a series. A point between two gaps is a dot.
func (p *plot) writeLine(b *strings.Builder, s series) {
	var path, dots strings.Builder
	for i, pt := range s.points {
		if math.IsNaN(pt.y) {
			continue
		}
		x, y := number(p.left(pt.x)), number(p.top(pt.y))
		begins := i == 0 || math.IsNaN(s.points[i-1].y)
		ends := i == len(s.points)-1 || math.IsNaN(s.points[i+1].y)
		switch {
		case begins && ends:
			fmt.Fprintf(&dots, `<circle class="d %s" cx="%s" cy="%s" r="4"/>`, s.class, x, y)
		case begins:
			fmt.Fprintf(&path, "M%s %s", x, y)
		default:
			fmt.Fprintf(&path, "L%s %s", x, y)
		}
	}
	if path.Len() > 0 {
		fmt.Fprintf(b, `<path class="l %s" d="%s"/>`, s.class, path.String())
	}
	b.WriteString(dots.String())
}

// writeBars writes the bars of all columns, a path for each series. A bar is at least one unit
// high.
func (p *plot) writeBars(b *strings.Builder) {
	for n, s := range p.series {
		var path strings.Builder
		for _, c := range p.columns {
			if c.values[n] <= 0 {
				continue
			}
			var below float64
			for _, v := range c.values[:n] {
				below += v
			}
			from, to := p.left(c.from), p.left(c.to)
			gap := 0.0
			if to-from > 8 {
				gap = 1
			}
			low := p.top(below)
			high := min(p.top(below+c.values[n]), low-1)
			fmt.Fprintf(&path, "M%s %sH%sV%sH%sz", number(from+gap), number(low), number(to-gap),
				number(high), number(from+gap))
		}
		if path.Len() > 0 {
			fmt.Fprintf(b, `<path class="b %s" d="%s"/>`, s.class, path.String())
		}
	}
}

// number formats a coordinate.
func number(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0") }
