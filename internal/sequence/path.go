package sequence

// A path holds the events of one datagram.
type path struct {
	departure *Event   // Sent or Answered; nil if unknown
	arrivals  []*Event // Arrived, Accepted or Ignored, in order
	lost      *Event   // nil unless the network lost the datagram
}

// findPaths returns the paths of the datagrams in events, by Event.Datagram. Events with the number
// zero have no path.
func findPaths(events []Event) map[int]*path {
	all := make(map[int]*path)
	for i := range events {
		e := &events[i]
		if e.Datagram == 0 {
			continue
		}
		p := all[e.Datagram]
		if p == nil {
			p = new(path)
			all[e.Datagram] = p
		}
		switch e.Kind {
		case Sent, Answered:
			p.departure = e
		case Arrived, Accepted, Ignored:
			p.arrivals = append(p.arrivals, e)
		case Lost:
			p.lost = e
		}
	}
	return all
}

// The methods of a path accept a nil receiver, which stands for a datagram without known events.

// isLost reports whether the network lost the datagram.
func (p *path) isLost() bool { return p != nil && p.lost != nil }

// hasArrived reports whether the datagram arrived at least once.
func (p *path) hasArrived() bool { return p != nil && len(p.arrivals) > 0 }

// hasDeparture reports whether the datagram's transmission is known.
func (p *path) hasDeparture() bool { return p != nil && p.departure != nil }

// isCopy reports whether e is an arrival of the datagram other than the first.
func (p *path) isCopy(e *Event) bool { return p.hasArrived() && p.arrivals[0] != e }

// isDrawnCopy reports whether e is such an arrival, drawn as an arrow from a known departure.
func (p *path) isDrawnCopy(e *Event) bool {
	return p.hasDeparture() && p.departure != e && p.isCopy(e)
}
