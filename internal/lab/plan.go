package lab

import (
	"cmp"
	"slices"
	"time"

	"github.com/ohce/ohce/link"
)

// A Kind is the kind of a Step.
type Kind string

// The kinds of steps.
const (
	Sent         Kind = "sent"          // the client sends an attempt
	RequestLost  Kind = "request-lost"  // the link loses an attempt
	Served       Kind = "served"        // a request arrives, and the server responds
	Refused      Kind = "refused"       // a request arrives where no socket has the port
	ResponseLost Kind = "response-lost" // the link loses a response
	TimedOut     Kind = "timed-out"     // no response within the wait
	Accepted     Kind = "accepted"      // the response ends the exchange
	Late         Kind = "late"          // a response to an earlier attempt, or after the client gave up
	Duplicate    Kind = "duplicate"     // a further response after the accepted one
	Down         Kind = "down"          // the client gives up
)

// A Step is one event of an exchange.
type Step struct {
	Kind Kind
	// At is the time since the first attempt. A loss is half the delay after the datagram was sent,
	// where the picture shows the middle of the link.
	At time.Duration
	// Attempt is the attempt that the step is about, from 1: for a response, the one that it answers.
	Attempt int
	// Datagram is the index of the datagram in Plan.Datagrams, or -1.
	Datagram int
}

// A Datagram is one datagram on the link. A duplicated one appears twice.
type Datagram struct {
	Up       bool // a request; otherwise a response
	Attempt  int
	Response int // counts the responses of the server from 1; 0 for a request
	Copy     bool
	Lost     bool
	Sent     time.Duration
	Arrives  time.Duration // if Lost, when the link loses it
}

// A Plan is what the seed decides about an exchange with exact times.
type Plan struct {
	Steps     []Step // sorted by time
	Datagrams []Datagram
	Waits     []time.Duration // of the attempts that were made
	Answered  bool
	Elapsed   time.Duration // from the first attempt to the response, or to the end of the last wait
	End       time.Duration // of the last step
}

// newPlan returns the plan of an exchange with the given waits over a new link.
func newPlan(s *Settings, network *link.Link, waits []time.Duration) *Plan {
	p := planner{settings: s, network: network, waits: waits}
	p.send(0)
	for len(p.pending) > 0 {
		next := slices.MinFunc(p.pending, event.compare)
		p.pending = slices.DeleteFunc(p.pending, func(e event) bool { return e == next })
		p.handle(next)
	}
	slices.SortStableFunc(p.plan.Steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
	p.plan.End = p.plan.Steps[len(p.plan.Steps)-1].At
	return &p.plan
}

// A planner simulates an exchange.
type planner struct {
	settings *Settings
	network  *link.Link
	waits    []time.Duration
	plan     Plan
	pending  []event
	serial   int // of the last event
	requests int // that the server has answered
	accepted Datagram
	ended    bool
	arrivals []link.Arrival
}

// An event is an arrival or the end of a wait.
type event struct {
	at       time.Duration
	datagram int // -1: the wait of the current attempt ends
	serial   int
}

// compare orders events by time. At the same time, a wait ends before a datagram arrives: the
// client's timer needs no way through two sockets.
func (e event) compare(other event) int {
	return cmp.Or(cmp.Compare(e.at, other.at), cmp.Compare(min(e.datagram, 0), min(other.datagram, 0)),
		cmp.Compare(e.serial, other.serial))
}

func (p *planner) await(at time.Duration, datagram int) {
	p.serial++
	p.pending = append(p.pending, event{at, datagram, p.serial})
}

func (p *planner) step(kind Kind, at time.Duration, attempt, datagram int) {
	p.plan.Steps = append(p.plan.Steps, Step{kind, at, attempt, datagram})
}

// handle handles an event.
func (p *planner) handle(e event) {
	switch {
	case e.datagram >= 0 && p.plan.Datagrams[e.datagram].Up:
		p.serve(e)
	case e.datagram >= 0:
		p.receive(e)
	case !p.ended:
		p.expire(e.at)
	}
}

// send makes the next attempt.
func (p *planner) send(at time.Duration) {
	attempt := len(p.plan.Waits) + 1
	p.plan.Waits = append(p.plan.Waits, p.waits[attempt-1])
	p.step(Sent, at, attempt, len(p.plan.Datagrams))
	p.arrivals = p.network.PassUp(p.arrivals[:0], at, []byte(p.settings.Text))
	p.travel(RequestLost, at, Datagram{Up: true, Attempt: attempt, Sent: at})
	p.await(at+p.waits[attempt-1], -1)
}

// travel adds the datagrams that the link makes of d, or its loss. Of two, the later one is the copy.
func (p *planner) travel(lost Kind, at time.Duration, d Datagram) {
	if len(p.arrivals) == 0 {
		d.Lost, d.Arrives = true, at+p.settings.base()/2
		p.step(lost, d.Arrives, d.Attempt, len(p.plan.Datagrams))
		p.plan.Datagrams = append(p.plan.Datagrams, d)
		return
	}
	slices.SortStableFunc(p.arrivals, func(a, b link.Arrival) int { return cmp.Compare(a.After, b.After) })
	for i, a := range p.arrivals {
		d.Copy, d.Arrives = i > 0, at+a.After
		p.await(d.Arrives, len(p.plan.Datagrams))
		p.plan.Datagrams = append(p.plan.Datagrams, d)
	}
}

// serve handles the arrival of a request.
func (p *planner) serve(e event) {
	attempt := p.plan.Datagrams[e.datagram].Attempt
	if !p.settings.Server {
		p.step(Refused, e.at, attempt, e.datagram)
		return
	}
	p.requests++
	p.step(Served, e.at, attempt, e.datagram)
	p.arrivals = p.network.PassDown(p.arrivals[:0], e.at, []byte(p.settings.Text))
	p.travel(ResponseLost, e.at, Datagram{Attempt: attempt, Response: p.requests, Sent: e.at})
}

// receive handles the arrival of a response.
func (p *planner) receive(e event) {
	d := p.plan.Datagrams[e.datagram]
	switch {
	case !p.ended:
		p.ended, p.accepted = true, d
		p.plan.Answered, p.plan.Elapsed = true, e.at
		p.step(Accepted, e.at, d.Attempt, e.datagram)
	case !p.plan.Answered || d.Attempt < p.accepted.Attempt:
		p.step(Late, e.at, d.Attempt, e.datagram)
	default:
		p.step(Duplicate, e.at, d.Attempt, e.datagram)
	}
}

// expire handles the end of the wait of the last attempt.
func (p *planner) expire(at time.Duration) {
	attempt := len(p.plan.Waits)
	p.step(TimedOut, at, attempt, -1)
	if attempt < len(p.waits) {
		p.send(at)
		return
	}
	p.ended, p.plan.Elapsed = true, at
	p.step(Down, at, attempt, -1)
}
