package sequence

import "strings"

// A sketch is an exchange that is being drawn.
type sketch struct {
	*picture
	record *record
	known  map[int]*trail
	y      map[*Event]int
	sure   bool
}

// waits draws when the client waits for an answer: from an attempt to what ends its wait.
func (s *sketch) waits() {
	begin := -1
	for i := range s.record.events {
		e := &s.record.events[i]
		switch {
		case e.Kind == Sent:
			begin = s.y[e]
		case begin >= 0 && (e.Kind == TimedOut || e.Kind == Accepted):
			s.lines.printf(`<rect class="wait" x="%d" y="%d" width="6" height="%d"/>`, clientX-3, begin,
				s.y[e]-begin)
			begin = -1
		}
	}
}

// event draws an event with its time.
func (s *sketch) event(e *Event) {
	before := s.lines.Len()
	s.lines.printf(`<g class="%s">`, class(e.tone(s.known[e.Datagram])))
	begun := s.lines.Len()
	s.shape(e, s.known[e.Datagram], s.y[e])
	if s.lines.Len() > begun {
		s.lines.printf("</g>")
	} else {
		s.lines.Truncate(before)
	}
	if e.Kind != Arrived && e.Kind != Answered && e.Kind != Lost {
		s.words.text(clientX-14, s.y[e]+4, "code end", strings.TrimSpace(clock(e.Time)))
	}
}

// shape draws what is between the lifelines and behind them.
func (s *sketch) shape(e *Event, t *trail, y int) {
	alone := t == nil || t.start == nil
	switch e.Kind {
	case Sent:
		s.request(e, t)
	case Answered:
		s.response(e, t)
	case Accepted, Ignored, Unreachable:
		s.come(e, t)
	case Arrived:
		if alone {
			s.arrow(e, segment{clientX, y - slant, serverX, y}, e.Payload.label(columns))
			s.note(y, e.note(t))
		}
	case Lost:
		if alone {
			s.lines.cross(clientX+crossX, y)
			s.remark(y, "bad", e.note(t))
		}
	case Refused:
		s.lines.cross(clientX, y)
		s.remark(y, "bad", e.note(t))
	case TimedOut:
		s.remark(y, "faint", e.note(t))
	}
}

// class is the class of a group in a tone.
func class(t Tone) string {
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

// request draws an attempt: to where it was lost, to each of its arrivals, or to where nobody
// knows.
func (s *sketch) request(e *Event, t *trail) {
	label, y := e.Payload.label(columns), s.y[e]
	whole := segment{clientX, y, serverX, y + slant}
	switch {
	case t != nil && t.lost != nil:
		s.lose(whole.part(clientX+crossX), label)
		s.note(y+slant, e.note(t))
	case t != nil && len(t.ends) > 0:
		for _, end := range t.ends {
			s.arrow(end, segment{clientX, y, serverX, s.y[end]}, label)
			label = ""
			s.note(s.y[end], s.noteOf(e, end, t))
		}
	case s.sure:
		s.nominal = true
		s.arrow(e, whole, label)
		s.note(y+slant, e.note(t))
	default:
		s.nominal, s.unknown = true, true
		s.lines.line(whole.part(serverX-(serverX-clientX)*4/10), false)
		rest := whole.part(clientX + unknownX)
		rest.x1 = serverX - (serverX-clientX)*4/10
		rest.y1 = whole.part(rest.x1).y2
		s.lines.line(rest, true)
		s.words.text(rest.x2+6, rest.y2+5, "name", "?")
		s.words.along(whole, label)
		s.note(y+slant, e.note(t))
	}
}

// noteOf is the note of an attempt at one of its arrivals.
func (s *sketch) noteOf(e, end *Event, t *trail) string {
	if t.again(end) {
		return end.note(t)
	}
	return e.note(t)
}

// response draws one that did not come, or not yet; come draws the others.
func (s *sketch) response(e *Event, t *trail) {
	y := s.y[e]
	whole := segment{serverX, y, clientX, y + slant}
	switch {
	case t != nil && t.lost != nil:
		s.lose(whole.part(serverX-crossX), e.Payload.label(columns))
		s.note(y, e.note(t))
	case t == nil || len(t.ends) == 0:
		s.unknown = true
		rest := whole.part(serverX - unknownX)
		s.lines.line(rest, true)
		s.words.text(rest.x2-12, rest.y2+4, "name", "?")
		s.words.along(whole, e.Payload.label(columns))
		s.note(y, e.note(t))
	}
}

// come draws what the client received.
func (s *sketch) come(e *Event, t *trail) {
	label, y := e.Payload.label(columns), s.y[e]
	if e.Kind == Unreachable {
		label = "port unreachable"
	}
	from := y - slant
	switch {
	case t != nil && t.start != nil:
		from = s.y[t.start]
	default:
		s.nominal = true
	}
	if copied(e, t) {
		label = ""
	}
	s.arrow(e, segment{serverX, from, clientX, y}, label)
	if copied(e, t) { // beside its beginning stands what became of the first one
		s.remark(y+copyNote, "", e.note(t))
	} else {
		s.note(from, e.note(t))
	}
}

// lose draws an arrow that ends in a cross.
func (s *sketch) lose(at segment, label string) {
	s.lost = true
	s.lines.line(at, false)
	s.lines.cross(at.x2, at.y2)
	s.words.along(at, label)
}

// arrow draws one that arrives. e is its arrival, or its beginning where that is all there is.
func (s *sketch) arrow(e *Event, at segment, label string) {
	t := s.known[e.Datagram]
	dashed := e.late() || copied(e, t)
	s.late = s.late || dashed
	s.lines.line(at, dashed)
	s.lines.head(at)
	if label != "" {
		s.words.along(at, label)
	}
}

// note writes beside the server's line.
func (s *sketch) note(y int, text string) {
	s.words.text(noteX, y+4, "", text)
}
