package sequence

import (
	"cmp"
	"io"
	"slices"
)

// The capacity of a Diagram.
const (
	maxExchanges = 100
	maxEvents    = 100 // of each exchange
)

// A Diagram stores exchanges and draws them below one another, in the order of their numbers. The
// zero value is empty and ready to use.
type Diagram struct {
	records  []*record
	byNumber map[uint64]*record
	omitted  int // exchanges beyond maxExchanges
}

// A record is one exchange with its events.
type record struct {
	Exchange
	events  []Event
	omitted int // events beyond maxEvents
}

// Add stores an event. Events may be added in any order. If the Diagram already holds 100
// exchanges, Add counts a further exchange as omitted.
func (d *Diagram) Add(x Exchange, e Event) {
	r := d.byNumber[x.Number]
	switch {
	case r == nil && len(d.records) == maxExchanges:
		if e.Kind.canBegin() && e.Attempt == 1 {
			d.omitted++
		}
		return
	case r == nil:
		r = &record{Exchange: x}
		if d.byNumber == nil {
			d.byNumber = make(map[uint64]*record)
		}
		d.byNumber[x.Number] = r
		d.records = append(d.records, r)
	}
	if len(r.events) == maxEvents {
		r.omitted++
		return
	}
	r.events = append(r.events, e)
}

// WriteSVG writes the diagram to w as one self-contained SVG document, readable on light and dark
// backgrounds. The title and desc elements describe it in words. WriteSVG returns the error of w.
func (d *Diagram) WriteSVG(w io.Writer) error {
	doc := newSVGDocument()
	slices.SortStableFunc(d.records, func(a, b *record) int { return cmp.Compare(a.Number, b.Number) })
	for i, r := range d.records {
		slices.SortStableFunc(r.events, byTime)
		if i > 0 && r.sameEndpoints(d.records[i-1].Exchange) {
			doc.y += 2 * margin
		} else {
			doc.endpoints(r)
		}
		if len(d.records) > 1 {
			doc.title(r)
		}
		doc.exchange(r)
	}
	_, err := w.Write(doc.finish(d))
	return err
}

func byTime(a, b Event) int { return cmp.Compare(a.Time, b.Time) }

// answered reports whether the exchange has an accepted response.
func (r *record) answered() bool {
	return slices.ContainsFunc(r.events, func(e Event) bool { return e.Kind == Accepted })
}

// requestArrived reports whether the request must have reached the server even though no Arrived
// event says so: there was only one attempt, and it was answered.
func (r *record) requestArrived() bool {
	sent := 0
	for i := range r.events {
		if r.events[i].Kind == Sent {
			sent++
		}
	}
	return sent == 1 && r.answered()
}

// refused reports whether an ICMP port unreachable message arrived while the attempt was the latest
// one.
func (r *record) refused(attempt int) bool {
	return slices.ContainsFunc(r.events, func(e Event) bool {
		return e.Kind == Unreachable && e.Attempt == attempt
	})
}
