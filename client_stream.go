package ohce

import (
	"context"
	"iter"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// A Result is the outcome of one request of a stream.
type Result struct {
	// Index is the position of the request in the stream, from 0.
	Index int
	// Request is a copy of the request. It belongs to the caller.
	Request []byte
	// Response is the response. It is nil if Err is not nil.
	Response *Response
	// Err is the reason why there is no response. It is an *OpError, as returned by Exchange.
	Err error
}

// Stream sends every element of requests as Exchange does and yields the results in the order of
// the requests. It keeps many requests in flight at once. It adapts their number to the network, to
// keep the delay in queues low. MaxInFlight limits the number.
//
// With Match, requests share a socket and are sent in batches. Without it, each request in flight
// has a socket of its own, up to MaxSockets.
//
// The error of a request is reported in its Result, and the stream continues. The second value is
// an error that ends the stream: an invalid field of c, or the error of ctx. It is yielded last,
// with a zero Result.
//
// If the server answers none of the first eight requests, the requests of the next second fail with
// ErrServerDown without being sent. Then the stream sends one request to find out whether the
// server answers. If a socket cannot be opened, the requests that need it fail. This counts as one
// unanswered request. For a server that stops answering later, see Patience.
//
// A separate goroutine iterates over requests, ahead of the responses, and copies each value. The
// loop over the stream ends only after this goroutine has ended. If the loop over the stream ends
// early, the next yield in requests returns false. An iterator that can block for long should
// therefore watch ctx, and a loop that leaves such a stream early should cancel ctx first. A panic
// in requests is raised in the loop.
func (c *Client) Stream(ctx context.Context, requests iter.Seq[[]byte]) iter.Seq2[Result, error] {
	return c.stream(ctx, requests, c.streamConfig(c.FailFast))
}

// streamConfig returns the configuration of a stream's machine.
func (c *Client) streamConfig(failFast bool) exchange.Config {
	cfg := c.config(failFast)
	cfg.MaxBytes = positive(c.MaxBytes, defaultMaxBytes)
	cfg.MaxPorts = positive(c.MaxSockets, defaultMaxSockets)
	cfg.Window.Max = positive(c.MaxInFlight, defaultMaxInFlight)
	if c.Match == nil {
		cfg.Window.Min = minSocketWindow
	}
	cfg.OpenLoop = c.OpenLoop
	if c.Patience >= 0 && !c.OpenLoop {
		cfg.Patience = max(c.Patience, 0)
		if c.Patience == 0 {
			cfg.Patience = defaultPatience
		}
	}
	return cfg
}

// minSocketWindow is the smallest window of a stream whose requests have sockets of their own.
const minSocketWindow = 16

// positive returns n if it is positive, and other if not.
func positive(n, other int) int {
	if n > 0 {
		return n
	}
	return other
}

func (c *Client) stream(ctx context.Context, requests iter.Seq[[]byte], cfg exchange.Config,
) iter.Seq2[Result, error] {
	return func(yield func(Result, error) bool) {
		if err := c.check(); err != nil {
			yield(Result{}, err)
			return
		}
		if err := ctx.Err(); err != nil {
			yield(Result{}, &OpError{Op: "exchange", Addr: c.addr(), Err: err})
			return
		}
		s := newStream(ctx, c, cfg, requests)
		defer s.close()
		if err := s.run(yield); err != nil {
			yield(Result{}, &OpError{Op: "exchange", Addr: c.addr(), Err: err})
		}
	}
}

// A stream drives a machine for many requests:
//
//	run → deliver → receive → Expire → submit → Next → apply → wait → …
//
// It runs on the goroutine of the loop over the stream. Other goroutines run the iterator
// (prefetcher), open sockets and read them. They report to the inbox.
type stream struct {
	c        *Client
	ctx      context.Context // the caller's
	m        *exchange.Machine
	requests *prefetcher
	inbox    *inbox
	arrived  arrivals
	sockets  streamSockets
	timer    *time.Timer
	index    int
	full     bool // the machine has no room for the next request
	ended    bool // there are no more requests
}

func newStream(ctx context.Context, c *Client, cfg exchange.Config, requests iter.Seq[[]byte],
) *stream {
	s := &stream{
		c: c, ctx: ctx, m: exchange.New(cfg), requests: newPrefetcher(requests), inbox: newInbox(),
		timer: time.NewTimer(time.Hour),
	}
	s.sockets.init(ctx, c, s.inbox)
	return s
}

// run yields the results. It returns nil when there are no more or when yield returns false.
func (s *stream) run(yield func(Result, error) bool) error {
	awake := time.Now()
	for {
		if !s.deliver(yield) || s.ended && s.m.Len() == 0 {
			return nil
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
		s.receive()
		if err := s.catchUp(awake); err != nil {
			return err
		}
		now := time.Now()
		s.m.Expire(now)
		delay := s.submit(now)
		step := s.m.Next(now)
		s.sockets.apply(s.m, step)
		if err := s.wait(step.Wake, now, delay); err != nil {
			return err
		}
		awake = time.Now()
	}
}

// deliver yields the results of finished exchanges. It returns false if yield does.
func (s *stream) deliver(yield func(Result, error) bool) bool {
	for r := s.m.Pop(); r != nil; r = s.m.Pop() {
		result := Result{Index: s.index, Request: r.Data}
		s.index++
		if r.Outcome == exchange.Answered {
			result.Response = response(r)
		} else {
			result.Err = s.c.errorOf(r)
		}
		if !yield(result, nil) {
			return false
		}
	}
	return true
}

// receive passes all arrivals to the machine.
func (s *stream) receive() {
	s.arrived = s.inbox.take(s.arrived)
	data := s.arrived.data
	for i := range s.arrived.list {
		a := &s.arrived.list[i]
		switch {
		case a.opened != nil:
			conn := a.opened
			a.opened = nil // so that close does not close it
			s.sockets.opened(s.m, a.port, a.at, conn)
		case a.dialed:
			s.m.Failed(a.at, a.port, a.err, outOfSockets(a.err))
		case a.err != nil:
			s.readFailed(a)
		default:
			if r := s.m.Received(a.at, a.port, data[:a.size:a.size], a.truncated); r != nil {
				r.ReceiveDelay = a.delay
			}
			data = data[a.size:]
		}
	}
}

// If the caller's loop was busy for at least busyTime, the stream lets the readers catch up before
// it expires attempts. It waits until nothing has arrived for catchUpQuiet, but no longer than
// maxCatchUp.
const (
	busyTime     = time.Millisecond
	catchUpQuiet = time.Millisecond
	maxCatchUp   = 20 * time.Millisecond
)

// catchUp receives the datagrams that arrived while the caller's loop was busy, so that an answered
// attempt does not expire. awake is the time at which the stream last stopped waiting.
func (s *stream) catchUp(awake time.Time) error {
	now := time.Now()
	if now.Sub(awake) < busyTime || !s.m.Expired(now) {
		return nil
	}
	for end := now.Add(maxCatchUp); now.Before(end); now = time.Now() {
		s.timer.Reset(catchUpQuiet)
		select {
		case <-s.inbox.ready:
			s.receive()
		case <-s.timer.C:
			return nil
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
	return nil
}

// submit submits as many requests as there is room for. If pacing delays the next one, it returns
// the delay.
func (s *stream) submit(now time.Time) (delay time.Duration) {
	s.full = true
	for !s.ended {
		n, room, delay := s.m.Room(now)
		if n == 0 {
			return delay
		}
		requests, full, ended := s.requests.take(n, room, s.m.Len() == 0, s.m.Cost)
		s.ended = ended
		for _, data := range requests {
			s.m.Submit(s.c.exchanges.Add(1), data)
		}
		if s.full = full; len(requests) < n {
			return 0
		}
	}
	return 0
}

// wait waits until something has arrived, a request that fits is ready, or a deadline has passed.
// wake is the machine's next deadline, and now the time of the call of Next that returned it. delay
// is the result of submit. An error ends the stream.
func (s *stream) wait(wake, now time.Time, delay time.Duration) error {
	var ready chan struct{}
	if !s.ended && !s.full {
		ready = s.requests.ready
	}
	if at := now.Add(delay); delay > 0 && (wake.IsZero() || at.Before(wake)) {
		wake = at
	}
	if s.m.Finished() || s.ended && s.m.Len() == 0 {
		return nil
	}
	var expired <-chan time.Time
	if !wake.IsZero() {
		s.timer.Reset(time.Until(wake))
		expired = s.timer.C
	}
	select {
	case <-s.inbox.ready:
	case <-ready:
	case <-expired:
	case <-s.ctx.Done():
		return s.ctx.Err()
	}
	return nil
}

// readFailed reports a failed read to the machine. It closes a socket that can no longer be used.
func (s *stream) readFailed(a *arrival) {
	switch {
	case udp.Refused(a.err):
		s.m.Unreachable(a.at, a.port, ErrPortUnreachable)
	case isTransient(a.err):
		s.m.ReadFailed(a.at, a.port, a.err)
	default: // the socket can no longer be used
		s.sockets.close(a.port)
		s.m.Failed(a.at, a.port, a.err, false)
	}
}

// close aborts the requests in flight and waits for all goroutines of the stream.
func (s *stream) close() {
	s.timer.Stop()
	s.m.Abort(time.Now())
	s.sockets.closeAll(s.arrived.list)
	s.requests.stop()
}
