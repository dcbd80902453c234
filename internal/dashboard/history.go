package dashboard

import "time"

// historyLength is the number of snapshots whose rates the page shows: five minutes.
const historyLength = 300

// A recorder computes the figures of each snapshot from the one before it, and keeps the rates of
// the last snapshots.
type recorder struct {
	last   *Snapshot
	lastAt time.Time
	points []point // the oldest first
}

// A point holds the rates of one interval.
type point struct {
	time  int64 // Unix time in milliseconds
	flows []pointFlow
}

type pointFlow struct {
	name                          string
	received, sent, kernelDropped float64
	dropped                       []counterRate // without those that are 0
}

type counterRate struct {
	name string
	rate float64
}

// add adds a snapshot, which the recorder keeps, and returns its figures.
func (r *recorder) add(now time.Time, s *Snapshot) *frame {
	f := compare(r.last, s, now.Sub(r.lastAt))
	f.Time = now.UnixMilli()
	r.last, r.lastAt = s, now
	if f.Interval == 0 {
		return f // there are no rates
	}
	if len(r.points) == historyLength {
		copy(r.points, r.points[1:])
		r.points = r.points[:historyLength-1]
	}
	r.points = append(r.points, newPoint(f))
	return f
}

func newPoint(f *frame) point {
	p := point{time: f.Time}
	for i := range f.Flows {
		flow := &f.Flows[i]
		pf := pointFlow{
			name: flow.Name, received: flow.Received.Rate, sent: flow.Sent.Rate,
			kernelDropped: flow.KernelDropped.Rate,
		}
		for _, c := range flow.Dropped {
			if c.Rate != 0 {
				pf.dropped = append(pf.dropped, counterRate{c.Name, c.Rate})
			}
		}
		p.flows = append(p.flows, pf)
	}
	return p
}

// A history holds the rates a second of the last snapshots. It is sent to a new page as JSON.
type history struct {
	Times []int64                 `json:"times"` // Unix times in milliseconds
	Flows map[string]*flowHistory `json:"flows"`
}

// A flowHistory has one value for each time. A flow that did not exist yet has the rate 0. Reasons
// without drops are left out.
type flowHistory struct {
	Received      []float64            `json:"received"`
	Sent          []float64            `json:"sent"`
	KernelDropped []float64            `json:"kernel_dropped,omitempty"`
	Dropped       map[string][]float64 `json:"dropped,omitempty"`
}

// history returns the rates of the flows of the last snapshot.
func (r *recorder) history() *history {
	h := &history{Times: make([]int64, len(r.points)), Flows: make(map[string]*flowHistory)}
	if r.last != nil {
		for _, flow := range r.last.Flows {
			h.Flows[flow.Name] = &flowHistory{
				Received: make([]float64, len(r.points)), Sent: make([]float64, len(r.points)),
			}
		}
	}
	for i := range r.points {
		h.Times[i] = r.points[i].time
		for _, flow := range r.points[i].flows {
			if fh := h.Flows[flow.name]; fh != nil {
				fh.set(i, len(r.points), &flow)
			}
		}
	}
	return h
}

// set sets the values at index i of n.
func (h *flowHistory) set(i, n int, flow *pointFlow) {
	h.Received[i], h.Sent[i] = flow.received, flow.sent
	if flow.kernelDropped != 0 {
		if h.KernelDropped == nil {
			h.KernelDropped = make([]float64, n)
		}
		h.KernelDropped[i] = flow.kernelDropped
	}
	for _, c := range flow.dropped {
		if h.Dropped == nil {
			h.Dropped = make(map[string][]float64)
		}
		if h.Dropped[c.name] == nil {
			h.Dropped[c.name] = make([]float64, n)
		}
		h.Dropped[c.name][i] = c.rate
	}
}
