package lab

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// expected returns the numbers of observations in an exchange that follows the plan.
func (p *Plan) expected() (t tally) {
	t.up = len(p.Waits)
	for _, s := range p.Steps {
		switch s.Kind {
		case Sent, TimedOut, Accepted, Late, Duplicate, Down:
			t.client++
		case Served:
			t.server++
			t.down++
		}
	}
	return t
}

// fates returns the number of arrivals of each request on the link, and of each response, in the
// order in which the link reads them.
func (p *Plan) fates() (up, down []int) {
	up, down = make([]int, len(p.Waits)), make([]int, p.expected().down)
	for _, d := range p.Datagrams {
		switch {
		case d.Lost:
		case d.Up:
			up[d.Attempt-1]++
		default:
			down[d.Response-1]++
		}
	}
	return up, down
}

// compare compares a recorded exchange with its plan. It returns the measured time of each step of the
// plan, or -1 if a step is not measured. If the exchange differs, why says how.
func (r *recorder) compare(p *Plan) (measured []time.Duration, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	up, down := p.fates()
	if !slices.Equal(up, r.up) || !slices.Equal(down, r.down) {
		return nil, fmt.Sprintf("%d requests and %d responses reached the link, not %d and %d",
			len(r.up), len(r.down), len(up), len(down))
	}
	client, server := r.client, r.server
	measured = make([]time.Duration, len(p.Steps))
	for i, s := range p.Steps {
		measured[i] = -1
		from := &client
		switch s.Kind {
		case RequestLost, ResponseLost, Refused:
			continue
		case Served:
			from = &server
		}
		kind := s.Kind
		if kind == Late { // the client does not distinguish the two by the attempt
			kind = Duplicate
		}
		if len(*from) == 0 || (*from)[0].kind != kind {
			return nil, fmt.Sprintf("the step at %v is not %q", s.At.Round(time.Millisecond), s.Kind)
		}
		measured[i] = max((*from)[0].at.Sub(r.begun), 0)
		*from = (*from)[1:]
	}
	if left := cmp.Or(len(client), len(server)); left > 0 {
		return nil, fmt.Sprintf("there were %d more steps", left)
	}
	return measured, ""
}
