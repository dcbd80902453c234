package sequence

import "strings"

// An arrow is what a line of text shows of an event.
type arrow struct {
	body string // between the lifelines
	note string // behind them
	tone Tone
}

// arrowOf draws an event in n columns; t is what else is drawn of its datagram, or nil. It reports
// false where the arrow of another event shows this one too.
func arrowOf(e *Event, t *trail, n int) (arrow, bool) {
	a := arrow{note: e.note(t), tone: e.tone(t)}
	started, lost := t != nil && t.start != nil, t != nil && t.lost != nil
	label := func(columns int) string { return e.Payload.label(columns) }
	switch e.Kind {
	case Sent:
		a.body = toServer(label(n-7), n, lost, false)
	case Arrived:
		if started && !t.again(e) {
			return a, false
		}
		a.body = toServer(label(n-7), n, false, true)
	case Answered:
		if !lost && t != nil && len(t.ends) > 0 {
			return a, false
		}
		a.body = toClient(label(n-7), n, lost, !lost)
	case Lost:
		if started {
			return a, false
		}
		a.body, a.note = remark("X", a.note), ""
	case Accepted, Ignored:
		a.body = toClient(label(n-7), n, false, e.late())
	case Unreachable:
		a.body = toClient("port unreachable", n, false, false)
	case Refused:
		a.body, a.note = remark("X", a.note), ""
	case TimedOut:
		a.body, a.note = remark(" ", a.note), ""
	}
	return a, true
}

func remark(sign, text string) string { return sign + "  " + text }

// tone is how an event is meant.
func (e *Event) tone(t *trail) Tone {
	switch e.Kind {
	case Sent, Answered:
		if t != nil && t.lost != nil {
			return Bad
		}
		return Plain
	case Refused, Lost, Unreachable:
		return Bad
	case TimedOut:
		return Faint
	case Accepted:
		return Good
	case Ignored:
		return Odd
	default:
		return Plain
	}
}

// toServer is an arrow of n columns with a label, which ends before the server where it is lost.
func toServer(label string, n int, lost, dashed bool) string {
	body := "── " + label + " "
	end := ">"
	if lost {
		n, end = shortOf(n, width(body)), "X"
	}
	return body + dash(n-width(body)-1, dashed) + end
}

// toClient is one that comes from the server.
func toClient(label string, n int, lost, dashed bool) string {
	body := " " + label + " ──"
	full, end := n, "<"
	if lost {
		n, end = shortOf(n, width(body)), "X"
	}
	line := end + dash(n-width(body)-1, dashed) + body
	return strings.Repeat(" ", max(0, full-width(line))) + line
}

// shortOf is the length of an arrow that does not arrive and has a label.
func shortOf(n, label int) int { return min(max(n*2/3, label+4), n-2) }

// dash is a line of n columns.
func dash(n int, dashed bool) string {
	n = max(0, n)
	if dashed {
		return strings.Repeat("─ ", n/2) + strings.Repeat("─", n%2)
	}
	return strings.Repeat("─", n)
}
