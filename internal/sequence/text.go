package sequence

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A Tone is how a part of a line is meant; Text.Mark may show it by a colour.
type Tone uint8

const (
	// Plain is everything else.
	Plain Tone = iota
	// Good is the answer.
	Good
	// Bad is what was lost or refused.
	Bad
	// Odd is what was ignored.
	Odd
	// Faint is what only holds the picture together.
	Faint
)

// What a line has besides the columns between the two lifelines.
const (
	timeColumns = 13 // the time, and a blank
	noteColumns = 28
	leastMiddle = 24
	mostMiddle  = 76
)

// A Text draws exchanges in lines:
//
//	         client 127.0.0.1:46110       server 127.0.0.1:3000
//	0.042 ms │── "Hello", 5 bytes ───────────────>│ attempt 1 of 5, waits 100ms
//	0.273 ms │<────────────── "OLLEh", 5 bytes ───│ round trip 0.231 ms
//
// Of the exchanges under way one is drawn as it goes on. What happens in the others is kept, and
// drawn in the order of their numbers when that one is over; so each stands in one piece. A
// datagram that comes after the end of its exchange is drawn at once.
//
// The exported fields must not be changed after the first Add.
type Text struct {
	// W gets each line in one write. Its errors are not looked at: a picture that cannot be shown is
	// no reason to end what it shows.
	W io.Writer
	// Columns is how wide a line may be. 0 means 80, and less than 68 is taken for 68. Only what
	// must not be shortened makes a line longer.
	Columns int
	// Mark makes a tone visible; it must not change how many columns the text takes. nil leaves all
	// text alone.
	Mark func(Tone, string) string
	// Numbered writes the number of each exchange.
	Numbered bool

	open   []*pending // by number, but that the first one is drawn as it goes on
	number map[uint64]*pending
	last   Exchange // whose lines are above
	begun  bool
}

// A pending is an exchange under way.
type pending struct {
	Exchange
	kept []Event // not drawn yet
	over bool
}

// Add takes in an event, in the order in which they happen.
func (t *Text) Add(x Exchange, e Event) {
	p := t.number[x.Number]
	if p == nil && !e.Kind.begins() {
		t.draw(x, []Event{e})
		return
	}
	if p == nil {
		p = &pending{Exchange: x}
		if t.number == nil {
			t.number = make(map[uint64]*pending)
		}
		t.number[x.Number] = p
		t.insert(p)
	}
	p.kept = append(p.kept, e)
	if e.Kind == Accepted {
		p.over = true
	}
	t.advance()
}

// insert puts an exchange before those that have begun earlier and have a higher number, but for
// the one that is being drawn.
func (t *Text) insert(p *pending) {
	at := len(t.open)
	for at > 1 && t.open[at-1].Number > p.Number {
		at--
	}
	t.open = slices.Insert(t.open, at, p)
}

// advance draws what may be drawn now.
func (t *Text) advance() {
	for len(t.open) > 0 {
		first := t.open[0]
		t.draw(first.Exchange, first.kept)
		first.kept = nil
		if !first.over {
			return
		}
		delete(t.number, first.Number)
		t.open[0] = nil
		t.open = t.open[1:]
	}
}

// Flush says that no exchange is under way any more, and draws what has been kept.
func (t *Text) Flush() {
	for _, p := range t.open {
		p.over = true
	}
	t.advance()
}

// Draw draws an exchange that is over, and of which nothing was added, in one piece. It keeps
// nothing of it.
func (t *Text) Draw(x Exchange, events []Event) {
	t.draw(x, slices.Clone(events))
}

// middle is how many columns there are between the lifelines.
func (t *Text) middle() int {
	columns := t.Columns
	if columns == 0 {
		columns = 80
	}
	return min(max(columns-timeColumns-noteColumns-len("|| "), leastMiddle), mostMiddle)
}

// draw writes events of one exchange.
func (t *Text) draw(x Exchange, events []Event) {
	if len(events) == 0 {
		return
	}
	t.head(x)
	slices.SortStableFunc(events, byTime)
	known := trails(events)
	for i := range events {
		if a, ok := arrowOf(&events[i], known[events[i].Datagram], t.middle()); ok {
			t.line(clock(events[i].Time), a)
		}
	}
}

// head says whose lines follow, where that is not whose are above.
func (t *Text) head(x Exchange) {
	if t.begun && x == t.last {
		return
	}
	number := ""
	if t.Numbered {
		number = x.title()
	}
	if t.begun && x.between(t.last) {
		t.line(number, arrow{})
	} else {
		t.addresses(number, x)
	}
	t.begun, t.last = true, x
}

// addresses writes who stands at which line. Where both do not fit beside one another, the client
// stands above.
func (t *Text) addresses(number string, x Exchange) {
	if t.begun {
		fmt.Fprintln(t.W)
	}
	client := strings.TrimSpace("client " + x.Client)
	server := strings.TrimSpace("server " + x.Server)
	line := timeColumns + 1 + t.middle() // the server's
	at := min(line-len(server)/2, line+1+noteColumns-len(server))
	left := pad(fmt.Sprintf("%*s", timeColumns-1, number), timeColumns)
	if at < timeColumns+len(client)+2 {
		fmt.Fprintf(t.W, "%s%s\n", t.mark(Faint, left), client)
		fmt.Fprintf(t.W, "%s%s\n", strings.Repeat(" ", max(0, at)), server)
		return
	}
	fmt.Fprintf(t.W, "%s%s%s\n", t.mark(Faint, left), pad(client, at-timeColumns), server)
}

// line writes one line of the picture.
func (t *Text) line(left string, a arrow) {
	middle := pad(a.body, t.middle())
	body := strings.TrimSpace(middle)
	if body != "" {
		middle = strings.Replace(middle, body, t.mark(a.tone, body), 1)
	}
	bar := t.mark(Faint, "│")
	end := ""
	if a.note != "" {
		end = " " + a.note
	}
	if width(a.body) <= t.middle() { // else the text is longer, and goes through the line
		end = bar + end
	}
	fmt.Fprintf(t.W, "%s %s%s%s\n", t.mark(Faint, fmt.Sprintf("%*s", timeColumns-1, left)), bar, middle,
		end)
}

func (t *Text) mark(tone Tone, s string) string {
	if t.Mark == nil || tone == Plain {
		return s
	}
	return t.Mark(tone, s)
}

// clock is a time on the left edge.
func clock(d time.Duration) string {
	if d >= 100*time.Second {
		return fmt.Sprintf("%9.3f s ", d.Seconds())
	}
	return fmt.Sprintf("%9.3f ms", float64(d.Microseconds())/1000)
}
