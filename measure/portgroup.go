package measure

import (
	"context"
	"time"
)

// A portGroup is a part of the source ports, whose sockets are open at the same time.
type portGroup struct {
	p        *PortProber
	yield    func(PortSample, error) bool
	sockets  []*portSocket
	number   int // of the latest request
	inFlight int
	results  chan PortSample
}

// run opens the sockets of the ports from first to last-1 and sends the requests. It returns false if
// the sequence must end.
func (g *portGroup) run(ctx context.Context, first, last int) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer g.close()
	defer cancel() // ends the exchanges, for which close waits
	for port := first; port < last; port++ {
		err := g.open(ctx, uint16(port))
		if end := ended(ctx); end != nil {
			g.yield(PortSample{}, end)
			return false
		}
		if err != nil {
			if !g.yield(PortSample{uint16(port), Sample{Class: Unsent, Err: err}}, nil) {
				return false
			}
			continue
		}
	}
	g.results = make(chan PortSample, len(g.sockets))
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now()
	for range orDefault(g.p.Count, defaultPortCount) {
		for _, s := range g.sockets {
			timer.Reset(time.Until(due))
			if !g.receive(ctx, timer.C) {
				return false
			}
			g.send(ctx, s, due)
			due = due.Add(orDefault(g.p.Interval, defaultPortInterval))
		}
		if !g.receive(ctx, nil) {
			return false
		}
		if now := time.Now(); now.After(due) {
			due = now // the time until the last response is no lag
		}
	}
	return true
}

// ended returns the error of a context that is done. A dial can notice its deadline before the context
// does.
func ended(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil && time.Now().After(deadline) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// open opens the socket of a port. After an error, the port sends no requests.
func (g *portGroup) open(ctx context.Context, port uint16) error {
	conn, err := g.p.dial(ctx, port)
	if err != nil {
		return err
	}
	s := newPortSocket(g.p, port, conn)
	g.sockets = append(g.sockets, s)
	s.work.Go(s.read) // ends when close closes conn
	return nil
}

// send sends the next request from a socket on a goroutine of its own, which ends with the request.
func (g *portGroup) send(ctx context.Context, s *portSocket, due time.Time) {
	g.number++
	g.inFlight++
	var request []byte
	if g.p.Request != nil {
		request = g.p.Request(nil, g.number)
	}
	sample := Sample{Number: g.number, Due: due, Request: request}
	s.work.Go(func() { g.results <- PortSample{s.port, s.exchange(ctx, sample)} })
}

// receive yields samples until a time is sent on until or, if that is nil, until no request is in
// flight. It returns false if the sequence must end.
func (g *portGroup) receive(ctx context.Context, until <-chan time.Time) bool {
	for until != nil || g.inFlight > 0 {
		select {
		case <-until:
			return true
		case sample := <-g.results:
			g.inFlight--
			if ctx.Err() == nil && !g.yield(sample, nil) {
				return false
			}
		case <-ctx.Done():
			g.yield(PortSample{}, ctx.Err())
			return false
		}
	}
	return true
}

// close closes the sockets and waits for their goroutines.
func (g *portGroup) close() {
	for _, s := range g.sockets {
		s.conn.Close()
	}
	for _, s := range g.sockets {
		s.work.Wait()
	}
}
