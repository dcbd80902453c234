package measure

import (
	"context"
	"iter"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce"
)

// defaultTimeout is the default of Prober.Timeout.
const defaultTimeout = time.Second

// A Prober sends requests at their due times. The zero value sends empty datagrams to
// ohce.DefaultAddr and accepts any response. The fields must not be changed during Run. Only one
// Run of a Prober may be in progress.
type Prober struct {
	// Addr, Match, Dial, MaxInFlight and MaxSockets are those of [ohce.Client]. With Match, all
	// requests leave from one port. Without it, each has a port of its own.
	Addr                    string
	Match                   *ohce.Matcher
	Dial                    func(ctx context.Context, network, address string) (net.Conn, error)
	MaxInFlight, MaxSockets int

	// Closed, if positive, makes Run a closed loop: it keeps this number of requests in flight and
	// sends the next one when one has ended. The due times then determine only the number of
	// requests, and each request is due when it is sent. A closed loop hides the stalls of the
	// server.
	Closed int

	// Timeout is how long a request waits for its response. If it is not positive, it is 1 s.
	Timeout time.Duration

	// Request appends request n, from 1, to dst. If nil, each request is an empty datagram.
	Request func(dst []byte, n int) []byte

	// Check returns nil if a response is right, and otherwise the reason why it is wrong. If Check
	// is nil, every response is right.
	Check func(request, response []byte) error

	counts struct {
		sync.Mutex
		Counts
		latest uint64 // the exchange with the largest number that has a response
	}
}

// Counts holds counters of responses that were late, duplicate or reordered, and of unexpected
// datagrams.
type Counts struct {
	// Late counts responses that arrived after the timeout of their request. Run does not wait for
	// them after the last request has ended. Without Match, the socket of a request is read for two
	// more seconds, and of at most 64 requests.
	Late int
	// Duplicates counts further responses to a request.
	Duplicates int
	// Reordered counts responses that arrived after the response to a later request (RFC 4737,
	// section 3.3, with responses as packets).
	Reordered int
	// Unexpected counts datagrams that match no request.
	Unexpected int
	// Overflow counts the datagrams that the system dropped because the receive buffer was full. It is
	// known when Run has ended. With Match nil, and on systems that do not count them, it is 0.
	Overflow int
	// Arrived counts all datagrams that arrived from the server, including those of Overflow. It is
	// known when Run has ended.
	Arrived int
}

// Counts returns the current counters of all runs.
func (p *Prober) Counts() Counts {
	p.counts.Lock()
	defer p.counts.Unlock()
	return p.counts.Counts
}

// Run sends requests at the times due, which must not decrease, and yields a sample for each of
// them, in the order of the requests. The first request is sent at once, and the times count from
// its transmission, so that a name lookup delays no other request. The sequence ends when due has
// ended and all requests have a sample, or when the loop over it ends. The second value is an error
// that ends the sequence: that of ctx, or an invalid field. Requests in flight when ctx is done have no
// sample.
func (p *Prober) Run(ctx context.Context, due iter.Seq[time.Duration]) iter.Seq2[Sample, error] {
	return func(yield func(Sample, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		p.restart()
		r := &run{p: p, ctx: ctx, started: make(chan struct{})}
		client := p.client(r)
		defer client.Close()
		defer func() { p.ended(client.Stats()) }()
		for result, err := range client.Stream(ctx, r.requests(due)) {
			r.start(time.Now()) // in case the first request was not sent
			if err != nil {
				yield(Sample{}, err)
				return
			}
			if !yield(r.sample(result), nil) {
				cancel() // ends the wait for the next due time, for which the stream would wait
				return
			}
		}
	}
}

// client returns the client of a run.
func (p *Prober) client(r *run) *ohce.Client {
	timeout, inFlight := p.Timeout, p.MaxInFlight
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	if p.Closed > 0 {
		inFlight = p.Closed
	}
	return &ohce.Client{
		Addr: p.Addr, Match: p.Match, Dial: p.Dial, MaxInFlight: inFlight, MaxSockets: p.MaxSockets,
		Retry: ohce.RetryAfter(timeout), FailFast: true, OpenLoop: true, Trace: r.trace(),
	}
}

// A run is the state of Run.
type run struct {
	p       *Prober
	ctx     context.Context
	started chan struct{} // closed when begun is set

	mu      sync.Mutex
	begun   time.Time        // when the first request was sent
	pending []pendingRequest // without a sample, oldest first
	first   uint64           // the number of the oldest pending request
}

// A pendingRequest is a request without a sample.
type pendingRequest struct {
	due      time.Duration
	sent     time.Time // zero until it is sent
	answered bool      // a response that matches the request has arrived
	wrong    []byte    // the first datagram that arrived and was not the response; nil if none did
}

// start sets the time from which the due times count. Only the first call has an effect.
func (r *run) start(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun.IsZero() {
		r.begun = now
		close(r.started)
	}
}

// requests yields the requests at their due times.
func (r *run) requests(due iter.Seq[time.Duration]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		timer := time.NewTimer(0)
		defer timer.Stop()
		var request []byte
		n := 0
		for at := range due {
			if n++; n > 1 && r.p.Closed <= 0 && !r.wait(timer, at) {
				return
			}
			r.mu.Lock()
			r.pending = append(r.pending, pendingRequest{due: at})
			r.mu.Unlock()
			request = request[:0]
			if r.p.Request != nil {
				request = r.p.Request(request, n)
			}
			if !yield(request) {
				return
			}
		}
	}
}

// wait waits for a due time. It returns false if the context is done.
func (r *run) wait(timer *time.Timer, due time.Duration) bool {
	select {
	case <-r.started:
	case <-r.ctx.Done():
		return false
	}
	delay := time.Until(r.begun.Add(due)) // begun no longer changes
	if delay <= 0 {
		return r.ctx.Err() == nil
	}
	timer.Reset(delay)
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// sample returns the sample of the oldest pending request.
func (r *run) sample(result ohce.Result) Sample {
	r.mu.Lock()
	p := r.pending[0]
	r.pending = r.pending[1:]
	r.first++
	r.mu.Unlock()
	s := Sample{
		Number: result.Index + 1, Due: r.begun.Add(p.due), Request: result.Request, Err: result.Err,
	}
	switch {
	case r.p.Closed > 0:
		s.Due = p.sent
	case !p.sent.IsZero():
		s.Lag = max(p.sent.Sub(s.Due), 0)
	}
	if result.Err != nil {
		r.classify(&s, p.wrong)
		return s
	}
	s.Response, s.RTT = result.Response.Data, result.Response.RTT
	s.ReceiveDelay = result.Response.ReceiveDelay
	s.Latency = s.Lag + s.RTT
	if r.p.Check != nil {
		if err := r.p.Check(s.Request, s.Response); err != nil {
			s.Class, s.Err = Wrong, err
		}
	}
	return s
}

// trace returns the trace that records transmissions and counts datagrams.
func (r *run) trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) {
			if a.Err == nil {
				r.sent(a.Exchange, a.Time)
			}
		},
		ResponseAccepted: func(a ohce.TraceAttempt, _ *ohce.Response) {
			r.p.accepted(a.Exchange)
			r.answered(a.Exchange)
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			r.p.ignored(why)
			if why == ohce.IgnoreUnexpected {
				r.wrong(a.Exchange, data)
			}
		},
	}
}

// sent records the transmission of a request. Exchanges are numbered from 1.
func (r *run) sent(exchange uint64, at time.Time) {
	r.start(at)
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(exchange); p != nil {
		p.sent = at
	}
}

// answered records that the response to a request has arrived.
func (r *run) answered(exchange uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.find(exchange); p != nil {
		p.answered = true
	}
}

// find returns a pending request, or nil if it has ended. It must be called with mu held.
func (r *run) find(exchange uint64) *pendingRequest {
	if i := exchange - 1 - r.first; i < uint64(len(r.pending)) {
		return &r.pending[i]
	}
	return nil
}

// restart prepares the counters for a new run, whose exchanges are numbered from 1.
func (p *Prober) restart() {
	p.counts.Lock()
	defer p.counts.Unlock()
	p.counts.latest = 0
}

// ended adds the counters of the client of a run.
func (p *Prober) ended(c ohce.ClientStats) {
	p.counts.Lock()
	defer p.counts.Unlock()
	p.counts.Overflow += int(c.KernelDropped)
	p.counts.Arrived += int(c.Answered + c.Late + c.Duplicate + c.Unexpected + c.Oversize + c.Overflow +
		c.KernelDropped)
}

// accepted counts a response to a request.
func (p *Prober) accepted(exchange uint64) {
	p.counts.Lock()
	defer p.counts.Unlock()
	if exchange < p.counts.latest {
		p.counts.Reordered++
	}
	p.counts.latest = max(p.counts.latest, exchange)
}

// ignored counts a datagram that is not a response to a request in flight.
func (p *Prober) ignored(why ohce.IgnoreReason) {
	p.counts.Lock()
	defer p.counts.Unlock()
	switch why {
	case ohce.IgnoreLate:
		p.counts.Late++
	case ohce.IgnoreDuplicate:
		p.counts.Duplicates++
	default:
		p.counts.Unexpected++
	}
}
