package ohce

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Group asks several servers of which each gives the same answers. Its exported fields must not
// be changed while an exchange is under way. It may be used by any number of goroutines.
//
// A server that the network says nobody listens at is passed over at once, one that is silent when
// its client's schedule is over, and one whose name does not resolve or that has no route at once.
// Only when nobody listens anywhere, all are asked for one more whole schedule, for one of them may
// be about to start again; with Client.FailFast on any client this is left out. A request has
// failed when all servers have: with ErrServerDown, whose cause tells of each. The longest that
// takes is the sum of the clients' budgets, with Race the longest budget.
type Group struct {
	// Clients are one for each server, the preferred one first. None is an error.
	Clients []*Client

	// Policy says which servers a request goes to. Its zero value is Failover.
	Policy GroupPolicy

	turn atomic.Uint64 // Failover: the server that answered last; RoundRobin: the next one
}

// A GroupPolicy says which of a Group's servers a request goes to.
type GroupPolicy uint8

const (
	// Failover asks the server that answered last, in the beginning the first one; where it is down
	// the next one, and after the last the first.
	Failover GroupPolicy = iota
	// RoundRobin asks them in turn; where one is down, the one after it.
	RoundRobin
	// Race asks all of them at once; the first answer wins.
	Race
)

// String is the policy's name in lower case.
func (p GroupPolicy) String() string {
	switch p {
	case Failover:
		return "failover"
	case RoundRobin:
		return "round-robin"
	case Race:
		return "race"
	default:
		return "unknown"
	}
}

// Exchange sends request to one server or more, as Policy says, until an answer comes or all
// servers are down. Attempts, RTT and Elapsed of the response are those of the server that
// answered, Response.RemoteAddr. The error is as that of Client.Exchange.
func (g *Group) Exchange(ctx context.Context, request []byte) (*Response, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	failed := failures{begun: time.Now()}
	if g.Policy == Race {
		return g.race(ctx, request, failed.begun)
	}
	first := g.begin()
	for k := range g.Clients {
		i := (first + k) % len(g.Clients)
		resp, err := g.Clients[i].exchange(ctx, request, true)
		if err == nil || !passesOver(err) {
			return resp, err
		}
		g.passOver(i)
		failed.add(err)
	}
	if failed.refused < len(g.Clients) || g.failsFast() {
		return nil, failed.err(g)
	}
	return g.race(ctx, request, failed.begun)
}

// race asks all servers and waits for the first answer.
func (g *Group) race(ctx context.Context, request []byte, begun time.Time) (*Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		resp *Response
		err  error
	}
	failed := failures{begun: begun}
	results := make(chan result)
	var asking sync.WaitGroup
	for _, c := range g.Clients {
		asking.Go(func() { // ends with the exchange, which ctx ends
			resp, err := c.Exchange(ctx, request)
			results <- result{resp, err}
		})
	}
	var won *Response
	var lost error
	for range g.Clients {
		switch r := <-results; {
		case won != nil:
		case r.err == nil:
			won = r.resp
			cancel()
		case passesOver(r.err):
			failed.add(r.err)
		case lost == nil:
			lost = r.err
			cancel()
		}
	}
	asking.Wait()
	switch {
	case won != nil:
		return won, nil
	case lost != nil:
		return nil, lost
	default:
		return nil, failed.err(g)
	}
}

// Close closes all clients; see Client.Close.
func (g *Group) Close() error {
	for _, c := range g.Clients {
		c.Close()
	}
	return nil
}

func (g *Group) check() error {
	if len(g.Clients) == 0 {
		return errors.New("ohce: Group.Clients is empty")
	}
	if g.Policy > Race {
		return fmt.Errorf("ohce: Group.Policy is %d, want Failover, RoundRobin or Race", g.Policy)
	}
	for i, c := range g.Clients {
		if err := c.check(); err != nil {
			return fmt.Errorf("Group.Clients[%d]: %w", i, err)
		}
	}
	return nil
}

// begin is the index of the server to ask first.
func (g *Group) begin() int {
	turn := g.turn.Load()
	if g.Policy == RoundRobin {
		turn = g.turn.Add(1) - 1
	}
	return int(turn % uint64(len(g.Clients)))
}

// passOver notes that a server is down.
func (g *Group) passOver(i int) {
	if g.Policy == Failover {
		g.turn.CompareAndSwap(uint64(i), uint64(i+1)%uint64(len(g.Clients)))
	}
}

func (g *Group) failsFast() bool {
	for _, c := range g.Clients {
		if c.FailFast {
			return true
		}
	}
	return false
}

// passesOver reports whether err is about one server, so that another one may answer.
func passesOver(err error) bool {
	var op *OpError
	return errors.As(err, &op) && (errors.Is(err, ErrServerDown) || errors.Is(err, ErrPortUnreachable) ||
		op.Op == "dial" && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded))
}

// failures are what became of a request at the servers that are down.
type failures struct {
	begun    time.Time
	errs     []error
	refused  int // at once
	attempts int
}

func (f *failures) add(err error) {
	var op *OpError
	errors.As(err, &op)
	f.errs = append(f.errs, err)
	f.attempts += op.Attempts
	if !errors.Is(err, ErrServerDown) && errors.Is(err, ErrPortUnreachable) {
		f.refused++
	}
}

// err is the error of a group whose servers are all down.
func (f *failures) err(g *Group) error {
	return &OpError{
		Op: "exchange", Addr: g.addrs(), Attempts: f.attempts, Elapsed: time.Since(f.begun),
		Err: withCause(ErrServerDown, errors.Join(f.errs...)),
	}
}

// addrs lists the servers' addresses.
func (g *Group) addrs() string {
	addrs := make([]string, len(g.Clients))
	for i, c := range g.Clients {
		addrs[i] = c.addr()
	}
	return strings.Join(addrs, ",")
}
