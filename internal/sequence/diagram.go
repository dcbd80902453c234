package sequence

import (
	"cmp"
	"io"
	"slices"
)

// What a Diagram takes in.
const (
	mostExchanges = 100
	mostEvents    = 100 // of each exchange
)

// A Diagram keeps exchanges and draws them as one picture, below one another, by their numbers. Its
// zero value is empty and ready to use.
type Diagram struct {
	records []*record
	number  map[uint64]*record
	left    int // exchanges for which there was no room
}

// A record is an exchange as it went.
type record struct {
	Exchange
	events []Event
	left   int // events for which there was no room
}

// Add takes in an event, in any order. Of more exchanges than there is room for, those whose first
// events come last are left out.
func (d *Diagram) Add(x Exchange, e Event) {
	r := d.number[x.Number]
	switch {
	case r == nil && len(d.records) == mostExchanges:
		if e.Kind.begins() && e.Attempt == 1 {
			d.left++
		}
		return
	case r == nil:
		r = &record{Exchange: x}
		if d.number == nil {
			d.number = make(map[uint64]*record)
		}
		d.number[x.Number] = r
		d.records = append(d.records, r)
	}
	if len(r.events) == mostEvents {
		r.left++
		return
	}
	r.events = append(r.events, e)
}

// WriteSVG writes the picture, in one piece and without anything that must be fetched. It is
// readable on light and on dark ground, and says the same in words (title, desc). The error is that
// of w.
func (d *Diagram) WriteSVG(w io.Writer) error {
	p := newPicture()
	slices.SortStableFunc(d.records, func(a, b *record) int { return cmp.Compare(a.Number, b.Number) })
	for i, r := range d.records {
		slices.SortStableFunc(r.events, byTime)
		if i > 0 && r.between(d.records[i-1].Exchange) {
			p.y += 2 * margin
		} else {
			p.heads(r)
		}
		if len(d.records) > 1 {
			p.number(r)
		}
		p.draw(r)
	}
	_, err := w.Write(p.finish(d))
	return err
}

func byTime(a, b Event) int { return cmp.Compare(a.Time, b.Time) }

// answered reports whether the exchange got its answer.
func (r *record) answered() bool {
	return slices.ContainsFunc(r.events, func(e Event) bool { return e.Kind == Accepted })
}

// sure reports whether a request whose fate nobody told has arrived all the same: it was the only
// one, and it was answered.
func (r *record) sure() bool {
	sent := 0
	for i := range r.events {
		if r.events[i].Kind == Sent {
			sent++
		}
	}
	return sent == 1 && r.answered()
}
