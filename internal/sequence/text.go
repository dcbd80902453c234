package sequence

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Tone classifies a part of a line, for Text.Mark.
type Tone uint8

const (
	// Plain is the tone of everything without one of the others.
	Plain Tone = iota
	// Good is the tone of an accepted response.
	Good
	// Bad is the tone of lost, refused and unreachable datagrams.
	Bad
	// Odd is the tone of ignored datagrams.
	Odd
	// Faint is the tone of lifelines, times, headings and timeouts.
	Faint
)

// The widths of a line's parts, in columns.
const (
	timeColumns = 13 // the time and a blank
	noteColumns = 28
	minBody     = 24 // between the lifelines
	maxBody     = 76
)

// A Text draws exchanges as lines of text:
//
//	         client 127.0.0.1:46110       server 127.0.0.1:3000
//	0.042 ms │── "Hello", 5 bytes ───────────────>│ attempt 1 of 5, waits 100ms
//	0.273 ms │<────────────── "OLLEh", 5 bytes ───│ round trip 0.231 ms
//
// A Text draws one open exchange at a time, event by event. It buffers the events of the others and
// draws them, in the order of their numbers, when that exchange ends, so the lines of an exchange
// stay together. It draws a datagram that arrives after the end of its exchange immediately.
//
// The exported fields must not be changed after the first Add.
type Text struct {
	// W receives each line in one Write call. A Text ignores write errors, so a failing diagram
	// does not interrupt the exchanges that it shows.
	W io.Writer
	// Columns is the maximum width of a line. Zero means 80. A value below 68 means 68. A line is
	// wider only if it holds text that cannot be shortened, such as an error.
	Columns int
	// Mark returns text with its tone made visible, for example by a colour. It must not change the
	// number of columns that the text occupies. If nil, all text stays as it is.
	Mark func(Tone, string) string
	// Numbered precedes the lines of each exchange with its number.
	Numbered bool

	open     []*openExchange // the one being drawn, then the others by number
	byNumber map[uint64]*openExchange
	last     Exchange // the exchange of the latest line
	begun    bool     // a line was written
}

// An openExchange is an exchange that has not ended.
type openExchange struct {
	Exchange
	buffered []Event // not drawn yet
	ended    bool
}

// Add draws or buffers an event. Events must be added in the order in which they happen.
func (t *Text) Add(x Exchange, e Event) {
	open := t.byNumber[x.Number]
	if open == nil && !e.Kind.canBegin() {
		t.draw(x, []Event{e})
		return
	}
	if open == nil {
		open = &openExchange{Exchange: x}
		if t.byNumber == nil {
			t.byNumber = make(map[uint64]*openExchange)
		}
		t.byNumber[x.Number] = open
		t.insert(open)
	}
	open.buffered = append(open.buffered, e)
	if e.Kind == Accepted {
		open.ended = true
	}
	t.advance()
}

// insert adds an exchange to t.open by its number, behind the one that is being drawn.
func (t *Text) insert(x *openExchange) {
	at := len(t.open)
	for at > 1 && t.open[at-1].Number > x.Number {
		at--
	}
	t.open = slices.Insert(t.open, at, x)
}

// advance draws the buffered events of the first open exchange, and those of the next ones as long
// as the exchanges before them have ended.
func (t *Text) advance() {
	for len(t.open) > 0 {
		first := t.open[0]
		t.draw(first.Exchange, first.buffered)
		first.buffered = nil
		if !first.ended {
			return
		}
		delete(t.byNumber, first.Number)
		t.open[0] = nil
		t.open = t.open[1:]
	}
}

// Flush ends all open exchanges and draws the buffered events.
func (t *Text) Flush() {
	for _, x := range t.open {
		x.ended = true
	}
	t.advance()
}

// Draw draws an exchange that has ended. None of its events may have been passed to Add. Draw does
// not retain events.
func (t *Text) Draw(x Exchange, events []Event) {
	t.draw(x, slices.Clone(events))
}

// bodyColumns returns the number of columns between the lifelines.
func (t *Text) bodyColumns() int {
	columns := t.Columns
	if columns == 0 {
		columns = 80
	}
	return min(max(columns-timeColumns-noteColumns-len("|| "), minBody), maxBody)
}

// draw writes the lines of one exchange's events. It sorts events.
func (t *Text) draw(x Exchange, events []Event) {
	if len(events) == 0 {
		return
	}
	t.heading(x)
	slices.SortStableFunc(events, byTime)
	paths := findPaths(events)
	for i := range events {
		e := &events[i]
		if row, ok := rowOf(e, paths[e.Datagram], t.bodyColumns()); ok {
			t.line(formatTime(e.Time), row)
		}
	}
}

// heading announces the exchange of the lines that follow, unless it is that of the latest line.
func (t *Text) heading(x Exchange) {
	if t.begun && x == t.last {
		return
	}
	number := ""
	if t.Numbered {
		number = x.title()
	}
	if t.begun && x.sameEndpoints(t.last) {
		t.line(number, textRow{})
	} else {
		t.endpoints(number, x)
	}
	t.begun, t.last = true, x
}

// endpoints writes the addresses of client and server above their lifelines: on one line if both
// fit, otherwise on two.
func (t *Text) endpoints(number string, x Exchange) {
	if t.begun {
		fmt.Fprintln(t.W)
	}
	client := strings.TrimSpace("client " + x.Client)
	server := strings.TrimSpace("server " + x.Server)
	lifeline := timeColumns + 1 + t.bodyColumns() // the server's
	at := min(lifeline-len(server)/2, lifeline+1+noteColumns-len(server))
	left := pad(fmt.Sprintf("%*s", timeColumns-1, number), timeColumns)
	if at < timeColumns+len(client)+2 {
		fmt.Fprintf(t.W, "%s%s\n", t.mark(Faint, left), client)
		fmt.Fprintf(t.W, "%s%s\n", strings.Repeat(" ", max(0, at)), server)
		return
	}
	fmt.Fprintf(t.W, "%s%s%s\n", t.mark(Faint, left), pad(client, at-timeColumns), server)
}

// line writes one line, with left on the left edge.
func (t *Text) line(left string, row textRow) {
	body := pad(row.body, t.bodyColumns())
	if trimmed := strings.TrimSpace(body); trimmed != "" {
		body = strings.Replace(body, trimmed, t.mark(row.tone, trimmed), 1)
	}
	lifeline := t.mark(Faint, "│")
	end := ""
	if row.note != "" {
		end = " " + row.note
	}
	if width(row.body) <= t.bodyColumns() { // a longer body crosses the server's lifeline
		end = lifeline + end
	}
	fmt.Fprintf(t.W, "%s %s%s%s\n", t.mark(Faint, fmt.Sprintf("%*s", timeColumns-1, left)), lifeline,
		body, end)
}

func (t *Text) mark(tone Tone, s string) string {
	if t.Mark == nil || tone == Plain {
		return s
	}
	return t.Mark(tone, s)
}
