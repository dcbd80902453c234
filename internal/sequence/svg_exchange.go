package sequence

import (
	"fmt"
	"strings"
)

// An exchangeRenderer draws one exchange into a document.
type exchangeRenderer struct {
	*svgDocument
	record         *record
	paths          map[int]*path
	eventY         map[*Event]int // where each event is drawn
	requestArrived bool           // see record.requestArrived
}

// waits marks the times during which the client waits for a response: from each attempt until its
// timeout or the response.
func (r *exchangeRenderer) waits() {
	begin := -1
	for i := range r.record.events {
		e := &r.record.events[i]
		switch {
		case e.Kind == Sent:
			begin = r.eventY[e]
		case begin >= 0 && (e.Kind == TimedOut || e.Kind == Accepted):
			r.shapes.printf(`<rect class="wait" x="%d" y="%d" width="6" height="%d"/>`, clientX-3, begin,
				r.eventY[e]-begin)
			begin = -1
		}
	}
}

// event draws an event with its time.
func (r *exchangeRenderer) event(e *Event) {
	p, y := r.paths[e.Datagram], r.eventY[e]
	outer := r.shapes.Len()
	r.shapes.printf(`<g class="%s">`, toneClass(e.tone(p)))
	inner := r.shapes.Len()
	r.shape(e, p, y)
	if r.shapes.Len() > inner {
		r.shapes.printf("</g>")
	} else {
		r.shapes.Truncate(outer) // drop the empty group
	}
	if e.Kind != Arrived && e.Kind != Answered && e.Kind != Lost {
		r.labels.text(clientX-14, y+4, "code end", strings.TrimSpace(formatTime(e.Time)))
	}
}

// shape draws the arrow or remark of an event, and its note.
func (r *exchangeRenderer) shape(e *Event, p *path, y int) {
	switch e.Kind {
	case Sent:
		r.request(e, p)
	case Answered:
		r.missingResponse(e, p)
	case Accepted, Ignored, Unreachable:
		r.received(e, p)
	case Arrived:
		if !p.hasDeparture() {
			r.arrow(e, segment{clientX, y - slant, serverX, y}, e.Payload.label(labelColumns))
			r.note(y, e.note(p))
		}
	case Lost:
		if !p.hasDeparture() {
			r.shapes.cross(clientX+lostLength, y)
			r.remark(y, "bad", e.note(p))
		}
	case Refused:
		r.shapes.cross(clientX, y)
		r.remark(y, "bad", e.note(p))
	case TimedOut:
		r.remark(y, "faint", e.note(p))
	}
}

// toneClass returns the CSS class of a tone.
func toneClass(t Tone) string {
	switch t {
	case Good:
		return "good"
	case Bad:
		return "bad"
	case Odd:
		return "odd"
	default:
		return "plain"
	}
}

// request draws an attempt: up to the point of its loss, to each of its arrivals, to the server that
// refused it, or towards the server with an unknown end.
func (r *exchangeRenderer) request(e *Event, p *path) {
	label, y := e.Payload.label(labelColumns), r.eventY[e]
	nominal := segment{clientX, y, serverX, y + slant}
	switch {
	case p.isLost():
		r.lostArrow(nominal.part(clientX+lostLength), label)
		r.note(y+slant, e.note(p))
	case p.hasArrived():
		for _, end := range p.arrivals {
			r.arrow(end, segment{clientX, y, serverX, r.eventY[end]}, label)
			label = ""
			r.note(r.eventY[end], arrivalNote(e, end, p))
		}
	case r.record.refused(e.Attempt):
		r.hasNominal, r.hasRefused = true, true
		r.shapes.line(nominal, false)
		r.shapes.cross(nominal.x2, nominal.y2)
		r.labels.along(nominal, label)
		r.note(y+slant, e.note(p))
	case r.requestArrived:
		r.hasNominal = true
		r.arrow(e, nominal, label)
		r.note(y+slant, e.note(p))
	default:
		r.hasNominal, r.hasUnknown = true, true
		const dashedX = serverX - (serverX-clientX)*4/10
		solid := nominal.part(dashedX)
		r.shapes.line(solid, false)
		dashed := nominal.part(clientX + unknownX)
		dashed.x1, dashed.y1 = solid.x2, solid.y2
		r.shapes.line(dashed, true)
		r.labels.text(dashed.x2+6, dashed.y2+5, "name", "?")
		r.labels.along(nominal, label)
		r.note(y+slant, e.note(p))
	}
}

// arrivalNote returns the note of an attempt at one of its arrivals.
func arrivalNote(sent, arrival *Event, p *path) string {
	if p.isCopy(arrival) {
		return arrival.note(p)
	}
	return sent.note(p)
}

// missingResponse draws a response that was lost or has not arrived. The method received draws the
// others.
func (r *exchangeRenderer) missingResponse(e *Event, p *path) {
	y := r.eventY[e]
	nominal := segment{serverX, y, clientX, y + slant}
	switch {
	case p.isLost():
		r.lostArrow(nominal.part(serverX-lostLength), e.Payload.label(labelColumns))
		r.note(y, e.note(p))
	case !p.hasArrived():
		r.hasUnknown = true
		dashed := nominal.part(serverX - unknownX)
		r.shapes.line(dashed, true)
		r.labels.text(dashed.x2-12, dashed.y2+4, "name", "?")
		r.labels.along(nominal, e.Payload.label(labelColumns))
		r.note(y, e.note(p))
	}
}

// received draws a datagram or ICMP message that the client received.
func (r *exchangeRenderer) received(e *Event, p *path) {
	label, y := e.Payload.label(labelColumns), r.eventY[e]
	r.hasLowerBound = r.hasLowerBound || e.isLowerBound()
	if e.Kind == Unreachable {
		label = "port unreachable"
	}
	departureY := y - slant
	if p.hasDeparture() {
		departureY = r.eventY[p.departure]
	} else {
		r.hasNominal = true
	}
	if p.isDrawnCopy(e) {
		label = ""
	}
	r.arrow(e, segment{serverX, departureY, clientX, y}, label)
	if p.isDrawnCopy(e) { // the first arrival's note is beside the departure
		r.remark(y+copyNoteOffset, "", e.note(p))
	} else {
		r.note(departureY, e.note(p))
	}
}

// lostArrow draws an arrow that ends in a cross.
func (r *exchangeRenderer) lostArrow(at segment, label string) {
	r.hasLost = true
	r.shapes.line(at, false)
	r.shapes.cross(at.x2, at.y2)
	r.labels.along(at, label)
}

// arrow draws the arrow of a datagram that arrived. e is its arrival, or its departure if no
// arrival is known.
func (r *exchangeRenderer) arrow(e *Event, at segment, label string) {
	dashed := e.isLate() || r.paths[e.Datagram].isDrawnCopy(e)
	r.hasDashed = r.hasDashed || dashed
	r.shapes.line(at, dashed)
	r.shapes.head(at)
	if label != "" {
		r.labels.along(at, label)
	}
}

// note writes text beside the server's lifeline.
func (r *exchangeRenderer) note(y int, text string) {
	r.labels.text(noteX, y+4, "", text)
}

// end states what an exchange lacks: omitted events and an answer.
func (r *exchangeRenderer) end(bottom int) {
	r.y = bottom
	if r.record.omitted > 0 {
		r.remark(bottom-margin/2, "name", fmt.Sprintf("%d more events are left out", r.record.omitted))
	}
	if r.record.Number > 0 && !r.record.answered() {
		r.labels.text(clientX-14, bottom, "name end bad", "no answer")
		fmt.Fprintln(&r.description, "No answer.")
	}
}
