package sequence

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strings"
)

// stylesheet defines the colours for light and dark backgrounds. Each group sets color, and its
// lines and arrowheads inherit it.
const stylesheet = `<style>
text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #1f2328;
  stroke: #fff; stroke-width: 4px; stroke-linejoin: round; paint-order: stroke; white-space: pre }
.code { font: 11.5px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
.name { font-weight: 600 }
.end { text-anchor: end }
.ground { fill: #fff }
.box { fill: #f6f8fa; stroke: #d1d9e0 }
.mid { text-anchor: middle; stroke-width: 0 }
.life { stroke: #afb8c1; fill: none }
.wait { fill: #ddf4ff; stroke: #54aeff }
.line { stroke: currentColor; stroke-width: 1.5; fill: none }
.head { fill: currentColor }
.dashed { stroke-dasharray: 6 4 }
text.faint { fill: #59636e }
text.bad { fill: #cf222e }
g { color: #0969da }
g.good { color: #1a7f37 }
g.bad { color: #cf222e }
g.odd { color: #9a6700 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; stroke: #0d1117 }
  .ground { fill: #0d1117 }
  .box { fill: #151b23; stroke: #3d444d }
  .life { stroke: #656c76 }
  .wait { fill: #0c2d6b; stroke: #1f6feb }
  text.faint { fill: #9198a1 }
  text.bad { fill: #f85149 }
  g { color: #4493f8 }
  g.good { color: #3fb950 }
  g.bad { color: #f85149 }
  g.odd { color: #d29922 }
}
</style>
`

// An svgWriter collects SVG markup.
type svgWriter struct{ bytes.Buffer }

// printf writes a line of markup. It does not escape args.
func (w *svgWriter) printf(format string, args ...any) {
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

// element writes an element that contains text, and escapes the text.
func (w *svgWriter) element(name, attributes, text string) {
	w.WriteString("<" + name + " " + attributes + ">")
	for i, line := range strings.Split(text, "\n") { // xml.EscapeText would escape newlines
		if i > 0 {
			w.WriteByte('\n')
		}
		xml.EscapeText(w, []byte(line))
	}
	w.WriteString("</" + name + ">\n")
}

// text writes a line of text at x, y.
func (w *svgWriter) text(x, y int, class, text string) {
	attributes := fmt.Sprintf(`x="%d" y="%d"`, x, y)
	if class != "" {
		attributes += fmt.Sprintf(` class="%s"`, class)
	}
	w.element("text", attributes, text)
}

// A segment is a straight line from x1, y1 to x2, y2.
type segment struct{ x1, y1, x2, y2 int }

// angle returns the direction of a segment in degrees, clockwise from the x-axis.
func (s segment) angle() float64 {
	return math.Atan2(float64(s.y2-s.y1), float64(s.x2-s.x1)) * 180 / math.Pi
}

// part returns the beginning of a segment, up to x.
func (s segment) part(x int) segment {
	s.y2 = s.y1 + (s.y2-s.y1)*(x-s.x1)/(s.x2-s.x1)
	s.x2 = x
	return s
}

func (w *svgWriter) line(s segment, dashed bool) {
	class := "line"
	if dashed {
		class += " dashed"
	}
	w.printf(`<path class="%s" d="M%d %dL%d %d"/>`, class, s.x1, s.y1, s.x2, s.y2)
}

// head draws an arrowhead at the end of a segment.
func (w *svgWriter) head(s segment) {
	w.printf(`<path class="head" transform="translate(%d %d) rotate(%.1f)" d="M0 0L-10 -4.5V4.5Z"/>`,
		s.x2, s.y2, s.angle())
}

// cross draws the mark of a lost datagram.
func (w *svgWriter) cross(x, y int) {
	w.printf(`<path class="line" d="M%d %dl10 10m0 -10l-10 10"/>`, x-5, y-5)
}

// along writes text above a segment, near its beginning and parallel to it.
func (w *svgWriter) along(s segment, text string) {
	const indent = 14
	x, class, angle := s.x1+indent, "code", s.angle()
	if s.x2 < s.x1 {
		x, class, angle = s.x1-indent, "code end", angle-180
		if angle < -180 {
			angle += 360
		}
	}
	at := s.part(x)
	w.element("text", fmt.Sprintf(`class="%s" transform="translate(%d %d) rotate(%.1f)" y="-5"`,
		class, at.x2, at.y2, angle), text)
}
