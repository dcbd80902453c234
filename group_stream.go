package ohce

import (
	"context"
	"iter"
	"sync"
	"time"
)

// groupMost is how many requests of a Group's stream are held at once.
const groupMost = 1 << 14

// Stream sends each of requests as Exchange does and yields the outcomes in the order of the requests,
// while those that follow are under way already; see Client.Stream, which each of the clients uses. What
// one server does not answer goes to the next one.
func (g *Group) Stream(ctx context.Context, requests iter.Seq[[]byte]) iter.Seq2[*Response, error] {
	return func(yield func(*Response, error) bool) {
		if err := g.check(); err != nil {
			yield(nil, err)
			return
		}
		s := &groupStream{g: g, outcomes: make(chan outcome, 64), lanes: make(map[laneKey]*lane)}
		s.ctx, s.cancel = context.WithCancel(ctx)
		s.requests = newIntake(requests)
		defer s.close()
		s.run(ctx, yield)
	}
}

// A groupStream is a Group's stream:
//
//	run → admit → send → lane.put … lane.run → settle → deliver
type groupStream struct {
	g        *Group
	ctx      context.Context // of the lanes
	cancel   context.CancelFunc
	requests *intake
	ended    bool        // no more requests
	order    queue[*ask] // not yielded yet, oldest first
	lanes    map[laneKey]*lane
	outcomes chan outcome
	running  sync.WaitGroup
}

// A laneKey tells lanes apart: a patient one waits where nobody listens, the other one fails fast.
type laneKey struct {
	member  int
	patient bool
}

func (s *groupStream) run(ctx context.Context, yield func(*Response, error) bool) {
	for {
		for s.order.len() > 0 && s.order.first().done() {
			a := s.order.first()
			s.order.pop()
			if !yield(a.resp, a.err) {
				return
			}
		}
		if s.ended && s.order.len() == 0 {
			return
		}
		ready := s.requests.ready
		if s.ended || s.order.len() >= groupMost {
			ready = nil
		}
		select {
		case <-ready:
			s.admit()
		case o := <-s.outcomes:
			s.settle(o)
		case <-ctx.Done():
			yield(nil, &OpError{Op: "exchange", Addr: s.g.addrs(), Err: ctx.Err()})
			return
		}
	}
}

// close ends the lanes and waits for them.
func (s *groupStream) close() {
	s.requests.stop()
	s.cancel()
	for _, l := range s.lanes {
		l.close()
	}
	all := make(chan struct{})
	go func() { // ends with the lanes, which ctx ends
		s.running.Wait()
		close(all)
	}()
	for {
		select {
		case <-s.outcomes: // a lane may be about to tell one
		case <-all:
			return
		}
	}
}

// admit takes in requests.
func (s *groupStream) admit() {
	requests, ended := s.requests.take(groupMost - s.order.len())
	s.ended = ended
	for _, request := range requests {
		a := &ask{request: request, failed: failures{begun: time.Now()}}
		s.order.push(a)
		if s.g.Policy == Race {
			s.race(a)
			continue
		}
		a.first = s.g.begin()
		s.next(a)
	}
}

// next sends an ask to the next server of its round.
func (s *groupStream) next(a *ask) {
	member := (a.first + a.tried) % len(s.g.Clients)
	a.tried++
	s.send(a, laneKey{member, false})
}

// race sends an ask to all servers.
func (s *groupStream) race(a *ask) {
	a.racing = len(s.g.Clients)
	for member := range s.g.Clients {
		s.send(a, laneKey{member, true})
	}
}

func (s *groupStream) send(a *ask, k laneKey) {
	l, ok := s.lanes[k]
	if !ok || l.worn() {
		l = newLane(k.member, k.patient)
		s.lanes[k] = l
		// Ends when the lane is closed or its stream breaks; close waits for it.
		s.running.Go(func() { l.run(s.ctx, s.g.Clients[k.member], s.outcomes) })
	}
	if err := l.put(a); err != nil {
		s.settle(outcome{l, a, nil, err})
	}
}

// settle takes in what a lane says of an ask.
func (s *groupStream) settle(o outcome) {
	a := o.ask
	switch {
	case a.done(): // another server was quicker
	case o.err == nil:
		a.resp = o.resp
	case !passesOver(o.err):
		a.err = o.err
	case a.racing > 0:
		a.failed.add(o.err)
		if a.racing--; a.racing == 0 {
			a.err = a.failed.err(s.g)
		}
	default:
		a.failed.add(o.err)
		s.g.passOver(o.lane.member)
		s.again(a)
	}
}

// again sends an ask on that a server has failed.
func (s *groupStream) again(a *ask) {
	n := len(s.g.Clients)
	switch {
	case a.tried < n:
		s.next(a)
	case a.failed.refused < n || s.g.failsFast():
		a.err = a.failed.err(s.g)
	default:
		a.failed = failures{begun: a.failed.begun}
		s.race(a)
	}
}
