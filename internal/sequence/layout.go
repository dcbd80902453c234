package sequence

import "time"

// Lengths in pixels, at the document's own size.
const (
	slant         = 18  // vertical drop of an arrow with one end at an unknown time
	eventSpacing  = 48  // height of the time scale, for each event
	maxTimeHeight = 320 // maximum height of the time scale, for each exchange
	minGap        = 18  // minimum distance between two events

	copyNoteOffset = 14 // distance of a copy's note below its arrow
)

// layout returns the vertical offset of each event from the first one. Times are to scale where
// space permits. Events at almost the same time are drawn minGap apart.
func (r *record) layout(paths map[int]*path) []int {
	ys := make([]int, len(r.events))
	if len(ys) < 2 {
		return ys
	}
	span := r.events[len(ys)-1].Time - r.events[0].Time
	height := min(maxTimeHeight, eventSpacing*(len(ys)-1))
	var previous *Event
	y := 0
	for i := range r.events {
		e, p := &r.events[i], paths[r.events[i].Datagram]
		if ys[i] = y; e.Kind == Lost && p.hasDeparture() {
			continue // the arrow of its departure shows the loss
		}
		if previous != nil {
			gap := spaceBelow(previous, paths[previous.Datagram]) + minGap + spaceAbove(e, p)
			if elapsed := e.Time - previous.Time; elapsed > 0 {
				gap = max(gap, int(time.Duration(height)*elapsed/span))
			}
			y += gap
		}
		ys[i], previous = y, e
	}
	return ys
}

// spaceAbove returns the height that an event occupies above its own time.
func spaceAbove(e *Event, p *path) int {
	switch e.Kind {
	case Accepted, Ignored, Unreachable:
		if !p.hasDeparture() {
			return slant
		}
	}
	return 4
}

// spaceBelow returns the height that an event occupies below its own time.
func spaceBelow(e *Event, p *path) int {
	if (e.Kind == Sent || e.Kind == Answered) && !p.hasArrived() {
		return slant
	}
	if p.isDrawnCopy(e) && e.Kind != Arrived {
		return copyNoteOffset + 4
	}
	return 4
}
