package ohce

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// pipelineMost is how many exchanges of a pipeline are held at once: those under way, and those that
// are answered and wait for one before them.
const pipelineMost = 1 << 16

// A pipeline makes many exchanges through one socket:
//
//	run → pace → resend → admit → flush → deliver → catchUp → wait (→ take → judge) …
//
// All of it is on the goroutine of the caller, but for one that reads the socket and one that takes in
// the requests.
type pipeline struct {
	c         *Client
	conn      udp.Socket
	failsFast bool // see Client.FailFast
	local     netip.AddrPort
	remote    netip.AddrPort

	requests *intake
	ended    bool           // no more requests
	received chan *delivery // from the reader, which ends when the socket closes
	free     chan *delivery // to it
	reading  sync.WaitGroup

	order   queue[*flight]    // not yielded yet, oldest first
	table   flightTable       // under way, by the answer
	sent    []queue[flightAt] // by attempt, oldest first; those that were sent again or ended are passed over
	out     []*flight         // to be sent now
	window  window
	server  *estimator
	plan    plan  // with the timeout of now
	allowed int   // datagrams that may be sent now
	cause   error // what the network said last
	gone    bool  // it said so since the last sending
	breaker breaker

	ms   []udp.Message // of flush
	runs []byte
	from []int // the flight that each message begins with
	lens []int
}

// A flight is an exchange of a pipeline.
type flight struct {
	number   uint64
	request  []byte
	want     []byte
	hash     uint64
	begun    time.Time
	sent     time.Time // when the last attempt began
	attempt  int       // begun, from 1
	attempts int       // handed to the kernel
	jitter   float64   // of its plan
	resp     *Response
	err      error
	next     *flight // in the table, with the same hash
}

func (f *flight) done() bool { return f.resp != nil || f.err != nil }

// A flightAt is a flight as it was when it was sent.
type flightAt struct {
	*flight
	attempt int
}

func (f flightAt) stale() bool { return f.done() || f.attempt != f.flight.attempt }

// A delivery is what one read brought.
type delivery struct {
	ms  []udp.Message
	n   int
	at  time.Time
	err error
}

// newPipeline opens the socket.
func (c *Client) newPipeline(ctx context.Context, failFast bool) (*pipeline, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, &OpError{Op: "exchange", Addr: c.addr(), Err: err}
	}
	socket, err := c.linger.fresh(func() (net.Conn, error) { return c.dial(ctx) })
	if err != nil {
		return nil, &OpError{Op: "dial", Addr: c.addr(), Err: err}
	}
	conn, err := udp.Connect(socket)
	if err != nil {
		return nil, &OpError{Op: "dial", Addr: c.addr(), Err: errors.Join(err, socket.Close())}
	}
	const readAhead = 2
	p := &pipeline{
		c: c, conn: conn, failsFast: failFast,
		local: ipAddr(socket.LocalAddr()), remote: ipAddr(socket.RemoteAddr()),
		received: make(chan *delivery, readAhead), free: make(chan *delivery, readAhead),
		sent:   make([]queue[flightAt], c.Retry.Attempts()),
		window: window{most: c.InFlight}, plan: plan{retry: c.Retry},
	}
	p.server = c.servers.of(p.remote)
	p.table.init()
	size := max(c.size(), conn.MinReadBuffer())
	for range readAhead {
		d := &delivery{ms: make([]udp.Message, conn.Width())}
		bufs := make([]byte, len(d.ms)*size)
		for i := range d.ms {
			d.ms[i].Buf = bufs[i*size : (i+1)*size : (i+1)*size]
		}
		p.free <- d
	}
	p.reading.Go(p.read)
	return p, nil
}

// read hands on what comes until the socket closes.
func (p *pipeline) read() {
	defer close(p.received)
	for d := range p.free {
		d.n, d.err = p.conn.Read(d.ms)
		d.at = time.Now()
		if errors.Is(d.err, net.ErrClosed) {
			return
		}
		p.received <- d
	}
}

// close ends what is under way and waits for the reader.
func (p *pipeline) close() {
	p.requests.stop()
	for f := range p.order.all() {
		if !f.done() {
			p.c.tally.failed.Add(1)
		}
	}
	p.c.linger.rest(p.local.Port())
	p.conn.Close()
	close(p.free)
	for range p.received { // it may be about to hand on
	}
	p.reading.Wait()
}

// run yields the outcome of each request in order.
func (p *pipeline) run(ctx context.Context, requests func(yield func([]byte) bool),
	yield func(*Response, error) bool) {
	p.requests = newIntake(requests)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		p.pace(time.Now())
		p.resend(time.Now())
		p.admit()
		p.flush()
		begun := time.Now()
		if !p.deliver(yield) || p.ended && p.order.len() == 0 {
			return
		}
		err := p.catchUp(begun)
		if err == nil {
			err = p.wait(ctx, timer)
		}
		if err != nil {
			yield(nil, err)
			return
		}
	}
}

// pace finds out how much may be sent now.
func (p *pipeline) pace(now time.Time) {
	p.plan.rto, p.plan.srtt = p.server.timeout()
	p.allowed, _ = p.window.pace(now, p.plan.srtt)
}

// admit takes in as many requests as the window has room for.
func (p *pipeline) admit() {
	if p.breaker.holds(time.Now()) {
		p.turnAway()
		return
	}
	room := min(p.window.limit()-p.table.len, pipelineMost-p.order.len())
	if room <= 0 {
		p.window.full = true
		return
	}
	// What was lost goes before what is new.
	if room = min(room, p.allowed-len(p.out)); p.ended || room <= 0 {
		return
	}
	requests, ended := p.requests.take(room)
	p.ended = ended
	for _, r := range requests {
		p.begin(r)
	}
	if p.table.len >= p.window.limit() {
		p.window.full = true
	}
}

// turnAway ends the exchanges of all requests that are there, without trying.
func (p *pipeline) turnAway() {
	if p.ended || p.order.len() >= pipelineMost {
		return
	}
	requests, ended := p.requests.take(pipelineMost - p.order.len())
	p.ended = ended
	for _, r := range requests {
		f := &flight{number: p.c.exchanges.Add(1), request: r, begun: time.Now()}
		p.order.push(f)
		p.c.tally.down.Add(1)
		p.end(f, ErrServerDown, errNotTried)
	}
}

// begin makes an exchange of a request.
func (p *pipeline) begin(request []byte) {
	f := &flight{number: p.c.exchanges.Add(1), request: request, begun: time.Now(), jitter: jitter()}
	p.order.push(f)
	if longest := maxDatagram(p.remote.Addr()); len(request) > longest {
		p.fail(f, fmt.Errorf("request of %d bytes: %w", len(request), ErrTooLarge), nil)
		return
	}
	f.want = p.c.Expect(nil, request)
	p.table.add(f)
	p.out = append(p.out, f)
}

// resend looks for attempts whose wait is over: the request is sent again, or the exchange ends.
func (p *pipeline) resend(now time.Time) {
	for i := range p.sent {
		for q := &p.sent[i]; q.len() > 0; q.pop() {
			f := q.first()
			if f.stale() {
				continue
			}
			if now.Before(p.due(f.flight)) || len(p.out) >= p.allowed {
				break
			}
			p.timedOut(f.flight, now)
		}
	}
}

// due is when the wait for an answer to a flight's last attempt is over.
func (p *pipeline) due(f *flight) time.Time {
	p.plan.jitter = f.jitter
	wait, _ := p.plan.wait(f.attempt, f.sent.Sub(f.begun))
	return f.sent.Add(wait)
}

// timedOut ends an attempt.
func (p *pipeline) timedOut(f *flight, now time.Time) {
	p.window.loss()
	if t := p.c.Trace; t != nil && t.AttemptTimedOut != nil {
		t.AttemptTimedOut(p.at(f))
	}
	if _, more := p.plan.wait(f.attempt+1, now.Sub(f.begun)); more && f.attempt < len(p.sent) {
		p.out = append(p.out, f)
		return
	}
	p.table.remove(f)
	p.c.tally.down.Add(1)
	p.breaker.down(f.begun, now)
	p.end(f, ErrServerDown, p.cause)
}

// flush sends what is to be sent, in runs of datagrams of one size where the kernel takes them.
func (p *pipeline) flush() {
	if len(p.out) == 0 {
		return
	}
	if len(p.out) > 1 && p.conn.MaxSegments(1) > 1 {
		// Nobody minds the order of what is sent at once, and equal sizes make runs.
		slices.SortStableFunc(p.out, func(a, b *flight) int { return len(b.request) - len(a.request) })
	}
	p.gone = false
	now := time.Now() // before the call: the answer can be there when it returns
	for _, f := range p.out {
		if f.attempt == 0 {
			f.begun = now
		}
		f.attempt++
		f.attempts++
		f.sent = now
		p.sent[f.attempt-1].push(flightAt{f, f.attempt})
	}
	p.pack()
	p.window.sent(len(p.out))
	var unsent map[*flight]error
	taken, unreachable := udp.SendAll(p.conn, p.ms, func(message, datagram int, err error) {
		if unsent == nil {
			unsent = make(map[*flight]error)
		}
		unsent[p.out[p.from[message]+datagram]] = err
	})
	for range unreachable {
		p.unreachable()
	}
	p.c.tally.attempts.Add(uint64(taken))
	for f, err := range unsent {
		f.attempts--
		p.refusedBySystem(f, err)
	}
	if t := p.c.Trace; t != nil && t.AttemptSent != nil {
		slices.SortFunc(p.out, func(a, b *flight) int { return cmp.Compare(a.number, b.number) })
		for _, f := range p.out {
			a := p.at(f)
			a.Err = unsent[f]
			t.AttemptSent(a)
		}
	}
	clear(p.out)
	p.out = p.out[:0]
	if p.gone && p.failsFast {
		p.failFast()
	}
}

// pack makes the messages of what is to be sent.
func (p *pipeline) pack() {
	p.ms, p.from, p.runs = p.ms[:0], p.from[:0], p.runs[:0]
	p.lens = p.lens[:0]
	total := 0
	for _, f := range p.out {
		p.lens = append(p.lens, len(f.request))
		total += len(f.request)
	}
	if cap(p.runs) < total { // messages point into it: it must not move
		p.runs = make([]byte, 0, total)
	}
	for i := 0; i < len(p.out); {
		n, length := segments(p.lens[i:], p.conn.MaxSegments(p.lens[i]))
		m := udp.Message{Buf: p.out[i].request, Peer: p.remote}
		if n > 1 {
			begin := len(p.runs)
			for _, f := range p.out[i : i+n] {
				p.runs = append(p.runs, f.request...)
			}
			m.Buf, m.Segment = p.runs[begin:begin+length], p.lens[i]
		}
		p.ms, p.from = append(p.ms, m), append(p.from, i)
		i += n
	}
}

// segments returns how many of the first sizes can be segments of one message, at most max, and their
// sum: all are equal, but the last one may be shorter.
func segments(sizes []int, max int) (n, length int) {
	first := sizes[0]
	n, length = 1, first
	for n < len(sizes) && n < max && sizes[n] > 0 && sizes[n] <= first {
		length += sizes[n]
		n++
		if sizes[n-1] < first {
			break
		}
	}
	return n, length
}

// refusedBySystem books a datagram that the kernel did not take: lost on the way, unless no later
// attempt can fare better.
func (p *pipeline) refusedBySystem(f *flight, err error) {
	p.c.tally.unsent.Add(1)
	p.cause = err
	if udp.TooLong(err) {
		p.table.remove(f)
		p.fail(f, ErrTooLarge, err)
	}
}

// unreachable notes that nobody listens there. It speaks of no one request.
func (p *pipeline) unreachable() {
	p.cause, p.gone = ErrPortUnreachable, true
	p.c.tally.unreachable.Add(1)
	if p.order.len() == 0 {
		return
	}
	if t := p.c.Trace; t != nil && t.PortUnreachable != nil {
		t.PortUnreachable(p.at(p.order.first()))
	}
}

// failFast ends all that is under way.
func (p *pipeline) failFast() {
	for f := range p.order.all() {
		if !f.done() && f.attempt > 0 {
			p.table.remove(f)
			p.fail(f, ErrPortUnreachable, nil)
		}
	}
}

// deliver yields what is done, in order, and reports false when the caller has enough.
func (p *pipeline) deliver(yield func(*Response, error) bool) bool {
	for p.order.len() > 0 && p.order.first().done() {
		f := p.order.first()
		p.order.pop()
		if !yield(f.resp, f.err) {
			return false
		}
	}
	return true
}

// catchUp takes all that came while the caller was busy for long with what was delivered to it: what is
// queued has come in time, and its requests are not to be sent again.
func (p *pipeline) catchUp(begun time.Time) error {
	const long, silence = 10 * time.Millisecond, 2 * time.Millisecond
	if time.Since(begun) < long {
		return nil
	}
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case d, open := <-p.received:
			if !open {
				return nil // wait says so
			}
			if err := p.take(d); err != nil {
				return err
			}
			quiet.Reset(silence)
		case <-quiet.C:
			return nil
		}
	}
}

// wait waits until something is to be done. An error ends the stream.
func (p *pipeline) wait(ctx context.Context, timer *time.Timer) error {
	due := p.untilDue()
	var ready chan struct{}
	now := time.Now()
	switch _, held := p.window.pace(now, p.plan.srtt); {
	case !p.ended && p.order.len() < pipelineMost && p.breaker.holds(now):
		ready = p.requests.ready
	case held > 0 && p.ended:
		due = max(due, held)
	case held > 0:
		due = held
	case !p.ended && p.table.len < p.window.limit() && p.order.len() < pipelineMost:
		ready = p.requests.ready
	}
	timer.Reset(due)
	select {
	case d, open := <-p.received:
		if !open {
			return &OpError{Op: "exchange", Addr: p.c.addr(), Err: net.ErrClosed}
		}
		return p.take(d)
	case <-ready:
		// The token may have been all there was of it: whoever takes less than all puts it back.
	case <-timer.C:
	case <-ctx.Done():
		return &OpError{Op: "exchange", Addr: p.c.addr(), Err: ctx.Err()}
	}
	return nil
}

// untilDue is the time until the first wait is over.
func (p *pipeline) untilDue() time.Duration {
	const far = time.Hour
	due := far
	for i := range p.sent {
		q := &p.sent[i]
		for q.len() > 0 && q.first().stale() {
			q.pop()
		}
		if q.len() > 0 {
			f := q.first()
			due = min(due, time.Until(p.due(f.flight)))
		}
	}
	return max(due, 0)
}

// take judges what one read brought, and gives the buffers back.
func (p *pipeline) take(d *delivery) error {
	defer func() { p.free <- d }()
	switch {
	case d.err == nil:
	case refused(d.err):
		p.unreachable()
		if p.failsFast {
			p.failFast()
		}
		return nil
	case udp.Transient(d.err):
		p.cause = d.err
		return nil
	default:
		return &OpError{Op: "exchange", Addr: p.c.addr(), Err: d.err}
	}
	for i := range d.ms[:d.n] {
		m := &d.ms[i]
		data, size := m.Buf, len(m.Buf)
		if m.Segment > 0 {
			size = m.Segment
		}
		for {
			n := min(size, len(data))
			p.judge(data[:n], m.Truncated, d.at)
			if data = data[n:]; len(data) == 0 {
				break
			}
		}
	}
	return nil
}

// judge finds the request that a datagram answers.
func (p *pipeline) judge(data []byte, cut bool, now time.Time) {
	if cut || len(data) >= p.c.size() {
		p.ignore(IgnoreOversize, data)
		return
	}
	f, why := p.table.match(data)
	if f == nil {
		p.ignore(why, data)
		return
	}
	rtt := now.Sub(f.sent)
	f.resp = &Response{
		Data: f.want, RTT: rtt, Elapsed: now.Sub(f.begun), Attempts: f.attempts,
		RemoteAddr: p.remote, LocalAddr: p.local,
	}
	p.c.tally.answered.Add(1)
	p.breaker.answered(now)
	if f.attempt > 1 {
		rtt = 0 // of which attempt, nobody knows
	} else {
		p.server.sample(rtt)
	}
	p.window.answer(f.number, p.c.exchanges.Load()+1, rtt, now)
	if t := p.c.Trace; t != nil && t.ResponseAccepted != nil {
		t.ResponseAccepted(p.at(f), f.resp)
	}
}

func (p *pipeline) ignore(why IgnoreReason, data []byte) {
	a := TraceAttempt{Attempts: len(p.sent), Local: p.local, Remote: p.remote}
	if p.order.len() > 0 {
		a = p.at(p.order.first())
	}
	p.c.ignore(p.c.Trace, a, why, data)
}

// at says where an exchange stands.
func (p *pipeline) at(f *flight) TraceAttempt {
	var wait time.Duration
	if f.attempt > 0 {
		wait = p.due(f).Sub(f.sent)
	}
	return TraceAttempt{
		Exchange: f.number, Request: f.request, Attempt: f.attempt, Attempts: len(p.sent),
		Wait: wait, Elapsed: time.Since(f.begun), Local: p.local, Remote: p.remote,
	}
}

// fail ends an exchange that is not down.
func (p *pipeline) fail(f *flight, err, cause error) {
	p.c.tally.failed.Add(1)
	p.end(f, err, cause)
}

func (p *pipeline) end(f *flight, err, cause error) {
	f.err = &OpError{
		Op: "exchange", Addr: p.c.addr(), Attempts: f.attempts, Elapsed: time.Since(f.begun), Err: err,
		Cause: cause,
	}
}

// A flightTable finds the exchange that an answer belongs to.
type flightTable struct {
	seed   maphash.Seed
	heads  map[uint64]*flight // of those with the same hash, oldest first
	tails  map[uint64]*flight
	len    int
	recent map[uint64]struct{} // answers that came: another one of them is a duplicate
	ring   []uint64            // the same, oldest at next
	next   int
}

// recentMost is how many answers are remembered.
const recentMost = 8192

func (t *flightTable) init() {
	t.seed = maphash.MakeSeed()
	t.heads, t.tails = make(map[uint64]*flight), make(map[uint64]*flight)
	t.recent = make(map[uint64]struct{})
}

func (t *flightTable) add(f *flight) {
	f.hash = maphash.Bytes(t.seed, f.want)
	if tail := t.tails[f.hash]; tail != nil {
		tail.next = f
	} else {
		t.heads[f.hash] = f
	}
	t.tails[f.hash] = f
	t.len++
}

// match takes the oldest exchange out that data answers, or says what data is.
func (t *flightTable) match(data []byte) (*flight, IgnoreReason) {
	hash := maphash.Bytes(t.seed, data)
	f := t.heads[hash]
	for f != nil && !bytes.Equal(f.want, data) {
		f = f.next
	}
	if f != nil {
		t.remove(f)
		t.remember(hash)
		return f, 0
	}
	if _, again := t.recent[hash]; again {
		return nil, IgnoreDuplicate
	}
	return nil, IgnoreUnexpected
}

// remove takes an exchange out.
func (t *flightTable) remove(f *flight) {
	head := t.heads[f.hash]
	var before *flight
	for at := head; at != f; at = at.next {
		before = at
	}
	switch {
	case before != nil:
		before.next = f.next
	case f.next != nil:
		t.heads[f.hash] = f.next
	default:
		delete(t.heads, f.hash)
		delete(t.tails, f.hash)
	}
	if f.next == nil && before != nil {
		t.tails[f.hash] = before
	}
	f.next = nil
	t.len--
}

func (t *flightTable) remember(hash uint64) {
	if _, known := t.recent[hash]; known {
		return
	}
	if len(t.ring) < recentMost {
		t.ring = append(t.ring, hash)
	} else {
		delete(t.recent, t.ring[t.next])
		t.ring[t.next] = hash
		t.next = (t.next + 1) % recentMost
	}
	t.recent[hash] = struct{}{}
}
