package sequence

import "strings"

// A textRow is the part of a line of text that shows an event.
type textRow struct {
	body string // between the lifelines
	note string // to the right of them
	tone Tone
}

// rowOf returns the row of an event, n columns wide between the lifelines. p is the path of the
// event's datagram, or nil. rowOf returns false if the row of another event shows this one too.
func rowOf(e *Event, p *path, n int) (textRow, bool) {
	row := textRow{note: e.note(p), tone: e.tone(p)}
	label := e.Payload.label(n - 7)
	switch e.Kind {
	case Sent:
		row.body = arrowToServer(label, n, p.isLost(), false)
	case Arrived:
		if p.hasDeparture() && !p.isCopy(e) {
			return row, false
		}
		row.body = arrowToServer(label, n, false, true)
	case Answered:
		if !p.isLost() && p.hasArrived() {
			return row, false
		}
		row.body = arrowToClient(label, n, p.isLost(), !p.isLost())
	case Lost:
		if p.hasDeparture() {
			return row, false
		}
		row.body, row.note = remark("X", row.note), ""
	case Accepted, Ignored:
		row.body = arrowToClient(label, n, false, e.isLate())
	case Unreachable:
		row.body = refusal(n)
	case Refused:
		row.body, row.note = remark("X", row.note), ""
	case TimedOut:
		row.body, row.note = remark(" ", row.note), ""
	}
	return row, true
}

func remark(sign, text string) string { return sign + "  " + text }

// tone returns the tone of an event. p is the path of the event's datagram, or nil.
func (e *Event) tone(p *path) Tone {
	switch e.Kind {
	case Sent, Answered:
		if p.isLost() {
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

// arrowToServer returns a labelled arrow of n columns. If lost, it ends before the server.
func arrowToServer(label string, n int, lost, dashed bool) string {
	body := "── " + label + " "
	end := ">"
	if lost {
		n, end = lostColumns(n, width(body)), "X"
	}
	return body + dash(n-width(body)-1, dashed) + end
}

// arrowToClient returns a labelled arrow of n columns. If lost, it ends before the client.
func arrowToClient(label string, n int, lost, dashed bool) string {
	body := " " + label + " ──"
	full, end := n, "<"
	if lost {
		n, end = lostColumns(n, width(body)), "X"
	}
	line := end + dash(n-width(body)-1, dashed) + body
	return strings.Repeat(" ", max(0, full-width(line))) + line
}

// refusal returns the arrow of an ICMP port unreachable message, n columns wide. The cross at its
// start is the end of the request that the server's system refused.
func refusal(n int) string {
	const body = " port unreachable ──X"
	return "<" + dash(n-width(body)-1, false) + body
}

// lostColumns returns the width of the arrow of a lost datagram, given the width n of a whole arrow
// and that of the label.
func lostColumns(n, label int) int { return min(max(n*2/3, label+4), n-2) }

// dash returns a horizontal line of n columns.
func dash(n int, dashed bool) string {
	n = max(0, n)
	if dashed {
		return strings.Repeat("─ ", n/2) + strings.Repeat("─", n%2)
	}
	return strings.Repeat("─", n)
}
