package ohce

import (
	"context"
	"iter"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// A Result is the result of one request of a stream.
type Result struct {
	// Index is the position of the request in the stream, from 0.
	Index int
	// Request is a copy of the request. It belongs to the caller.
	Request []byte
	// Response is the response, or nil if Err is not.
	Response *Response
	// Err is why there is no response, an *OpError as Exchange returns it.
	Err error
}

// Stream sends each of requests as Exchange does and yields the results in the order of the
// requests. Many requests are in flight at once, as many as the network takes without queueing them
// for more than some milliseconds, up to MaxInFlight.
//
// With Match, requests share a socket and are sent in batches. Without it each request in flight
// has a socket of its own, up to MaxSockets.
//
// An error that concerns one request is in its Result, and the stream continues. The second value
// is an error that ends the stream: an invalid field, or the context's error if ctx is done. It
// comes last, with a zero Result.
//
// If the server answers nothing at all from the beginning, the schedule of the first requests is
// used up; after eight of them the requests of the following second fail with ErrServerDown without
// being sent, and then one is sent again. See Patience for a server that falls silent later.
// A socket that cannot be opened fails the requests that wait for it, and counts as one request in this.
//
// requests runs on another goroutine, ahead of the responses. Each value is copied and need not be
// kept. Stream returns after requests has returned: if the loop over the stream ends early, the
// next yield of requests returns false. An iterator that can wait for long should watch ctx, and a
// loop that leaves such a stream early should cancel ctx first. A panic in requests is raised in
// the loop.
func (c *Client) Stream(ctx context.Context, requests iter.Seq[[]byte]) iter.Seq2[Result, error] {
	return c.stream(ctx, requests, c.streamConfig(c.FailFast))
}

// streamConfig is the configuration of a stream's machine.
func (c *Client) streamConfig(failFast bool) exchange.Config {
	cfg := c.config(failFast)
	cfg.MaxBytes = positive(c.MaxBytes, defaultMaxBytes)
	cfg.MaxPorts = positive(c.MaxSockets, defaultMaxSockets)
	cfg.Window.Max = positive(c.MaxInFlight, defaultMaxInFlight)
	if c.Match == nil {
		cfg.Window.Min = minSocketWindow
	}
	if c.Patience >= 0 {
		cfg.Patience = max(c.Patience, 0)
		if c.Patience == 0 {
			cfg.Patience = defaultPatience
		}
	}
	return cfg
}

// minSocketWindow is the least window of a stream whose requests have sockets of their own.
const minSocketWindow = 16

// positive is n if that is positive, otherwise other.
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
// All of it is on the goroutine of the loop over the stream. Other goroutines run the iterator
// (prefetcher), open sockets and read them; they report to the inbox.
type stream struct {
	c        *Client
	ctx      context.Context // of the caller
	m        *exchange.Machine
	requests *prefetcher
	inbox    *inbox
	arrived  arrivals
	sockets  streamSockets
	timer    *time.Timer
	index    int
	full     bool // the machine had no room for the next request
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

// run yields the results. It returns nil when there are no more or the caller wants no more.
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

// deliver yields the results of finished exchanges, and returns false if the caller wants no more.
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

// receive passes everything that has arrived to the machine.
func (s *stream) receive() {
	s.arrived = s.inbox.take(s.arrived)
	data := s.arrived.data
	for i := range s.arrived.list {
		a := &s.arrived.list[i]
		switch {
		case a.opened != nil:
			conn := a.opened
			a.opened = nil // so that close leaves it alone
			s.sockets.opened(s.m, a.port, a.at, conn)
		case a.dialed:
			s.m.Failed(a.at, a.port, a.err, outOfSockets(a.err))
		case a.err != nil:
			s.readFailed(a)
		default:
			s.m.Received(a.at, a.port, data[:a.size:a.size], a.truncated)
			data = data[a.size:]
		}
	}
}

// busyTime is how long the loop may be busy without letting the readers catch up before it expires
// attempts; catchUpQuiet is how long nothing must arrive then, and maxCatchUp the limit of it all.
const (
	busyTime     = time.Millisecond
	catchUpQuiet = time.Millisecond
	maxCatchUp   = 20 * time.Millisecond
)

// catchUp lets the readers pass on what arrived while the caller's loop was busy, before an attempt
// is taken for unanswered. awake is when the stream last stopped waiting.
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

// submit takes in as many requests as there is room for. If pacing allows more later, it returns
// after what time.
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

// wait waits until something is to be done: something has arrived, there is a new request and room
// for it, or the time has come. now is when the machine was last asked, and delay what submit
// returned. An error ends the stream.
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

// readFailed handles a read that failed.
func (s *stream) readFailed(a *arrival) {
	switch {
	case udp.Refused(a.err):
		s.m.Unreachable(a.at, a.port, ErrPortUnreachable)
	case isTransient(a.err):
		s.m.ReadFailed(a.at, a.port, a.err)
	default: // the socket cannot be used any more
		s.sockets.close(a.port)
		s.m.Failed(a.at, a.port, a.err, false)
	}
}

// close ends what is in progress and waits for all goroutines.
func (s *stream) close() {
	s.timer.Stop()
	s.m.Abort(time.Now())
	s.sockets.closeAll(s.arrived.list)
	s.requests.stop()
}
