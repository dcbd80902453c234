package sequence

import (
	"fmt"
	"strings"
)

// Positions and lengths in pixels, at the document's own size.
const (
	docWidth     = 780
	margin       = 12
	clientX      = 112
	serverX      = 500
	noteX        = serverX + 14
	lostLength   = (serverX - clientX) * 2 / 3 // of the arrow of a lost datagram
	unknownX     = (serverX - clientX) * 9 / 10
	labelColumns = 32 // maximum width of an arrow's label
)

// An svgDocument is a diagram in the making. It grows downwards.
type svgDocument struct {
	shapes      svgWriter
	labels      svgWriter // drawn over the shapes
	description strings.Builder
	y           int // the lower end

	// Symbols in use, which the legend explains.
	hasLost, hasRefused, hasUnknown, hasDashed, hasNominal, hasLowerBound bool
}

func newSVGDocument() *svgDocument { return &svgDocument{y: margin} }

// endpoints draws the boxes of client and server. A long client address moves the server's box to
// the right.
func (d *svgDocument) endpoints(r *record) {
	const height = 40
	if d.y > margin {
		d.y += 2 * margin
	}
	left := max(margin, clientX-boxWidth(r.Client)/2)
	d.box(left, "client", r.Client)
	right := max(serverX-boxWidth(r.Server)/2, left+boxWidth(r.Client)+margin)
	d.box(right, "server", r.Server)
	fmt.Fprintf(&d.description, "Client %s, server %s.\n", r.Client, r.Server)
	d.y += height
}

// boxWidth returns the width of a box that holds an address.
func boxWidth(address string) int { return max(80, width(address)*7+16) }

func (d *svgDocument) box(x int, name, address string) {
	w := boxWidth(address)
	d.shapes.printf(`<rect class="box" x="%d" y="%d" width="%d" height="40" rx="6"/>`, x, d.y, w)
	d.labels.text(x+w/2, d.y+16, "name mid", name)
	d.labels.text(x+w/2, d.y+31, "code mid", address)
}

// title writes the heading of an exchange.
func (d *svgDocument) title(r *record) {
	title := r.title()
	d.labels.text(clientX-14, d.y+18, "name end", title)
	d.y += margin
	fmt.Fprintf(&d.description, "%s:\n", title)
}

// exchange draws an exchange.
func (d *svgDocument) exchange(rec *record) {
	paths := findPaths(rec.events)
	offsets := rec.layout(paths)
	top := d.y
	d.y += 2 * margin
	r := exchangeRenderer{svgDocument: d, record: rec, paths: paths, eventY: make(map[*Event]int),
		requestArrived: rec.requestArrived()}
	for i := range rec.events {
		r.eventY[&rec.events[i]] = d.y + offsets[i]
	}
	last := &rec.events[len(rec.events)-1]
	d.y += offsets[len(offsets)-1] + spaceBelow(last, paths[last.Datagram]) + 2*margin
	bottom := d.y
	if rec.omitted > 0 {
		bottom += margin
	}
	for _, x := range []int{clientX, serverX} {
		d.shapes.printf(`<path class="life" d="M%d %dV%d"/>`, x, top, bottom)
	}
	r.waits()
	for i := range rec.events {
		e := &rec.events[i]
		r.event(e)
		fmt.Fprintln(&d.description, e.sentence(paths[e.Datagram]))
	}
	r.end(bottom)
}

// remark writes text between the lifelines.
func (d *svgDocument) remark(y int, class, text string) {
	d.labels.text(clientX+14, y+4, class, text)
}

// legend returns the lines that explain the symbols in use.
func (d *svgDocument) legend(diagram *Diagram) []string {
	var lines []string
	add := func(used bool, text string) {
		if used {
			lines = append(lines, text)
		}
	}
	add(len(diagram.records) == 0, "Nothing was sent.")
	add(diagram.omitted > 0, fmt.Sprintf("Exchanges that are left out: %d.", diagram.omitted))
	add(d.hasLost, "✕  lost on the way")
	add(d.hasRefused, "✕  at the server: refused, because no server listens there")
	add(d.hasDashed, "Dashed: late, or a copy.")
	add(d.hasUnknown, "?  The datagram may or may not have arrived.")
	add(d.hasLowerBound, "≥  The time is from the last attempt. The answer may be to an earlier one.")
	add(d.hasNominal, "Times are measured at the client. Times of arrival at the server are unknown.")
	return lines
}

// finish adds the legend and returns the whole document.
func (d *svgDocument) finish(diagram *Diagram) []byte {
	d.y += margin
	for _, line := range d.legend(diagram) {
		d.y += 17
		d.labels.text(margin, d.y, "faint", line)
		fmt.Fprintln(&d.description, line)
	}
	d.y += margin + 4
	title := fmt.Sprintf("Sequence diagram of %d exchanges", len(diagram.records))
	if len(diagram.records) == 1 {
		title = "Sequence diagram of an exchange"
	}
	var w svgWriter
	w.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`role="img" aria-labelledby="t d">`, docWidth, d.y, docWidth, d.y)
	w.element("title", `id="t"`, title)
	w.element("desc", `id="d"`, strings.TrimSpace(d.description.String()))
	w.WriteString(stylesheet)
	w.printf(`<rect class="ground" width="%d" height="%d" rx="8"/>`, docWidth, d.y)
	w.Write(d.shapes.Bytes())
	w.Write(d.labels.Bytes())
	w.printf("</svg>")
	return w.Bytes()
}
