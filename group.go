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

// A Group sends requests to several servers that give equal responses. It is safe for concurrent
// use. Its exported fields must not be changed while an exchange is in progress.
//
// With Failover and RoundRobin, a request goes to one server at a time. The group sends it to the
// next server
//
//   - at once, if an ICMP port unreachable message arrives, the server's name does not resolve,
//     or there is no route to the server;
//   - otherwise when the schedule of the server's client is exhausted.
//
// If the ports of all servers are unreachable, the group sends the request to all of them once
// more, each on its whole schedule, because a server may be restarting. It does not do so if
// Client.FailFast is set on any client.
//
// When all servers have failed, the exchange ends with an *OpError that wraps ErrServerDown and the
// error of each server. With Race, an exchange takes at most the longest budget of the clients.
// Otherwise it takes at most the sum of the budgets, plus the longest one if all ports are
// unreachable at first.
type Group struct {
	// Clients holds a client for each server, in order of preference. An empty list is an error.
	Clients []*Client

	// Policy selects the servers that a request goes to. The zero value is Failover.
	Policy GroupPolicy

	turn atomic.Uint64 // Failover: index of the preferred server; RoundRobin: counts the requests
}

// A GroupPolicy selects the servers of a Group that a request goes to.
type GroupPolicy uint8

const (
	// Failover uses one server until it fails, then the next one in the list. The first server
	// follows the last.
	Failover GroupPolicy = iota
	// RoundRobin uses the servers in turn. If one fails, the request goes to the next.
	RoundRobin
	// Race sends each request to all servers at once and returns the first response.
	Race
)

// String returns the policy's name in lower case.
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

// Exchange sends request to the servers that Policy selects until a response arrives or all servers
// have failed. The RemoteAddr and RTT fields of the response are those of the server that responded.
// Attempts and Elapsed include the servers that the request was sent to before. Errors are those of
// Client.Exchange.
func (g *Group) Exchange(ctx context.Context, request []byte) (*Response, error) {
	if err := g.check(); err != nil {
		return nil, err
	}
	failed := failures{begun: time.Now()}
	if g.Policy == Race {
		return g.race(ctx, request, failed.begun)
	}
	first := g.firstServer()
	for k := range g.Clients {
		i := (first + k) % len(g.Clients)
		resp, err := g.Clients[i].exchange(ctx, request, true)
		if err == nil {
			failed.addTo(resp)
			return resp, nil
		}
		if !canFailOver(err) {
			return nil, err
		}
		g.markFailed(i)
		failed.add(err)
	}
	if failed.refused < len(g.Clients) || g.failsFast() {
		return nil, failed.err(g)
	}
	resp, err := g.race(ctx, request, failed.begun)
	if err == nil {
		failed.addTo(resp)
	}
	return resp, err
}

// race sends request to all servers and waits for the first response.
func (g *Group) race(ctx context.Context, request []byte, begun time.Time) (*Response, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		resp *Response
		err  error
	}
	failed := failures{begun: begun}
	results := make(chan result)
	var exchanges sync.WaitGroup
	for _, c := range g.Clients {
		exchanges.Go(func() { // ends with the exchange, which ctx interrupts; waited for below
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
		case canFailOver(r.err):
			failed.add(r.err)
		case lost == nil:
			lost = r.err
			cancel()
		}
	}
	exchanges.Wait()
	switch {
	case won != nil:
		return won, nil
	case lost != nil:
		return nil, lost
	default:
		return nil, failed.err(g)
	}
}

// Close closes all clients. See Client.Close.
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

// firstServer returns the index of the server that a request goes to first.
func (g *Group) firstServer() int {
	turn := g.turn.Load()
	if g.Policy == RoundRobin {
		turn = g.turn.Add(1) - 1
	}
	return int(turn % uint64(len(g.Clients)))
}

// markFailed records that server i has failed.
func (g *Group) markFailed(i int) {
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

// canFailOver reports whether err concerns one server only, so that another one may respond.
func canFailOver(err error) bool {
	var op *OpError
	switch {
	case !errors.As(err, &op):
		return false
	case errors.Is(err, ErrServerDown):
		return true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false // the exchange was interrupted
	default: // the socket has failed, or the port is unreachable
		return !errors.Is(err, ErrTooLarge)
	}
}

// failures collects the errors of a request from the servers that have failed.
type failures struct {
	begun   time.Time
	errs    []error
	refused int // the number of servers whose port was unreachable

	// Sums over all exchanges:
	attempts, unexpected int
	elapsed              time.Duration
}

func (f *failures) add(err error) {
	var op *OpError
	errors.As(err, &op)
	f.errs = append(f.errs, err)
	f.attempts += op.Attempts
	f.unexpected += op.Unexpected
	f.elapsed += op.Elapsed
	if !errors.Is(err, ErrServerDown) && errors.Is(err, ErrPortUnreachable) {
		f.refused++
	}
}

// addTo adds the attempts and the time of failed exchanges to the response of a later one.
func (f *failures) addTo(resp *Response) {
	resp.Attempts += f.attempts
	resp.Elapsed += f.elapsed
}

// err returns the error of a request that failed at all servers.
func (f *failures) err(g *Group) error {
	return &OpError{
		Op: "exchange", Addr: g.addrs(), Attempts: f.attempts, Elapsed: time.Since(f.begun),
		Unexpected: f.unexpected, Err: withCause(ErrServerDown, errors.Join(f.errs...)),
	}
}

// addrs returns the servers' addresses, separated by commas.
func (g *Group) addrs() string {
	addrs := make([]string, len(g.Clients))
	for i, c := range g.Clients {
		addrs[i] = c.addr()
	}
	return strings.Join(addrs, ",")
}
