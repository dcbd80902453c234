package sequence

import "time"

// Lengths are in pixels of a picture shown at its own size.
const (
	slant  = 18  // how far an arrow falls whose one end is at no known time
	spread = 48  // of time, for each event
	tall   = 320 // of time, for each exchange
	least  = 18  // between what two events take up

	copyNote = 14 // how far below its arrow the note of a copy stands
)

// layout finds how far below the first event each one stands. Where there is room for it, times are
// to scale; what happens at nearly the same time is drawn apart.
func (r *record) layout(known map[int]*trail) []int {
	ys := make([]int, len(r.events))
	if len(ys) < 2 {
		return ys
	}
	span := r.events[len(ys)-1].Time - r.events[0].Time
	height := min(tall, spread*(len(ys)-1))
	var before *Event
	y := 0
	for i := range r.events {
		e, t := &r.events[i], known[r.events[i].Datagram]
		if ys[i] = y; e.Kind == Lost && t != nil && t.start != nil {
			continue // its arrow is at its beginning
		}
		if before != nil {
			gap := below(before, known[before.Datagram]) + least + above(e, t)
			if passed := e.Time - before.Time; passed > 0 {
				gap = max(gap, int(time.Duration(height)*passed/span))
			}
			y += gap
		}
		ys[i], before = y, e
	}
	return ys
}

// above is how much of the picture an event takes above its own time.
func above(e *Event, t *trail) int {
	switch e.Kind {
	case Accepted, Ignored, Unreachable:
		if t == nil || t.start == nil {
			return slant
		}
	}
	return 4
}

// copied reports whether e is a further arrival of a datagram whose beginning is known.
func copied(e *Event, t *trail) bool {
	return t != nil && t.start != nil && t.start != e && t.again(e)
}

// below is how much it takes below.
func below(e *Event, t *trail) int {
	if e.Kind == Sent || e.Kind == Answered {
		if t == nil || len(t.ends) == 0 {
			return slant
		}
	}
	if copied(e, t) && e.Kind != Arrived {
		return copyNote + 4
	}
	return 4
}
