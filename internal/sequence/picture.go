package sequence

import (
	"fmt"
	"strings"
)

// Where things stand in the picture.
const (
	wide     = 780
	margin   = 12
	clientX  = 112
	serverX  = 500
	noteX    = serverX + 14
	crossX   = (serverX - clientX) * 2 / 3 // how far a lost datagram comes
	unknownX = (serverX - clientX) * 9 / 10
	columns  = 32 // of a label on an arrow
)

// A picture is an SVG document that grows downwards.
type picture struct {
	lines canvas
	words canvas // above the lines
	desc  strings.Builder
	y     int

	// What the foot explains.
	lost, unknown, late, nominal bool
}

func newPicture() *picture { return &picture{y: margin} }

// heads draws the boxes of the two who talk. Long addresses push the server's box to the right.
func (p *picture) heads(r *record) {
	const height = 40
	if p.y > margin {
		p.y += 2 * margin
	}
	left := max(margin, clientX-boxWide(r.Client)/2)
	p.box(left, "client", r.Client)
	right := max(serverX-boxWide(r.Server)/2, left+boxWide(r.Client)+margin)
	p.box(right, "server", r.Server)
	fmt.Fprintf(&p.desc, "Client %s, server %s.\n", r.Client, r.Server)
	p.y += height
}

// boxWide is the width of a box with an address in it.
func boxWide(address string) int { return max(80, width(address)*7+16) }

func (p *picture) box(x int, name, address string) {
	w := boxWide(address)
	p.lines.printf(`<rect class="box" x="%d" y="%d" width="%d" height="40" rx="6"/>`, x, p.y, w)
	p.words.text(x+w/2, p.y+16, "name mid", name)
	p.words.text(x+w/2, p.y+31, "code mid", address)
}

// number writes which exchange follows.
func (p *picture) number(r *record) {
	title := r.title()
	p.words.text(clientX-14, p.y+18, "name end", title)
	p.y += margin
	fmt.Fprintf(&p.desc, "%s:\n", title)
}

// draw draws an exchange.
func (p *picture) draw(r *record) {
	known := trails(r.events)
	ys := r.layout(known)
	top := p.y
	p.y += 2 * margin
	s := sketch{picture: p, record: r, known: known, y: make(map[*Event]int), sure: r.sure()}
	for i := range r.events {
		s.y[&r.events[i]] = p.y + ys[i]
	}
	last := &r.events[len(r.events)-1]
	p.y += ys[len(ys)-1] + below(last, known[last.Datagram]) + 2*margin
	bottom := p.y
	if r.left > 0 {
		bottom += margin
	}
	for _, x := range []int{clientX, serverX} {
		p.lines.printf(`<path class="life" d="M%d %dV%d"/>`, x, top, bottom)
	}
	s.waits()
	for i := range r.events {
		e := &r.events[i]
		s.event(e)
		fmt.Fprintln(&p.desc, e.sentence(known[e.Datagram]))
	}
	s.end(bottom)
}

// end says what is missing at the end of an exchange.
func (s *sketch) end(bottom int) {
	p, r := s.picture, s.record
	p.y = bottom
	if r.left > 0 {
		p.remark(bottom-margin/2, "name", fmt.Sprintf("%d more events are left out", r.left))
	}
	if r.Number > 0 && !r.answered() {
		p.words.text(clientX-14, bottom, "name end bad", "no answer")
		fmt.Fprintln(&p.desc, "No answer.")
	}
}

// remark writes between the lifelines.
func (p *picture) remark(y int, class, text string) {
	p.words.text(clientX+14, y+4, class, text)
}

// foot explains what is in the picture and not plain.
func (p *picture) foot(d *Diagram) []string {
	var lines []string
	say := func(when bool, text string) {
		if when {
			lines = append(lines, text)
		}
	}
	say(len(d.records) == 0, "Nothing was sent.")
	say(d.left > 0, fmt.Sprintf("Exchanges that are left out: %d.", d.left))
	say(p.lost, "✕  lost on the way")
	say(p.late, "Dashed: late, or a copy.")
	say(p.unknown, "?  Nobody knows how far it came.")
	say(p.nominal, "The times are the client's. When a datagram was at the server it does not know.")
	return lines
}

// finish returns the whole document.
func (p *picture) finish(d *Diagram) []byte {
	p.y += margin
	for _, line := range p.foot(d) {
		p.y += 17
		p.words.text(margin, p.y, "faint", line)
		fmt.Fprintln(&p.desc, line)
	}
	p.y += margin + 4
	title := fmt.Sprintf("Sequence diagram of %d exchanges", len(d.records))
	if len(d.records) == 1 {
		title = "Sequence diagram of an exchange"
	}
	var doc canvas
	doc.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`role="img" aria-labelledby="t d">`, wide, p.y, wide, p.y)
	doc.element("title", `id="t"`, title)
	doc.element("desc", `id="d"`, strings.TrimSpace(p.desc.String()))
	doc.WriteString(style)
	doc.printf(`<rect class="ground" width="%d" height="%d" rx="8"/>`, wide, p.y)
	doc.Write(p.lines.Bytes())
	doc.Write(p.words.Bytes())
	doc.printf("</svg>")
	return doc.Bytes()
}
