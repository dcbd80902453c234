package exporter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/probe"
	"github.com/ohce/ohce/measure"
)

// A Prober sends the requests of modules. The zero value uses the system's resolver and sockets. It is
// safe for concurrent use if its fields are not changed.
type Prober struct {
	// Dial opens a connected socket, as ohce.Client.Dial does. If nil, it opens sockets of the system.
	// On Linux these also notice datagrams from other addresses.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Lookup returns the addresses of a host name. If nil, it is that of net.DefaultResolver.
	Lookup func(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A dialog is a conversation with a server on a socket of its own. The socket stays open after the
// conversation, to count late and duplicate responses, until close.
type dialog struct {
	prober  *Prober
	module  *Module
	addr    string // "address:port"
	number  int    // from 1
	observe observer

	talk     conversation
	conn     net.Conn     // nil until opened
	client   *ohce.Client // of the latest exchange
	turns    int          // exchanges
	verdict  verdict      // on the latest datagram of an exchange in progress
	wrong    error        // why the first wrong datagram of the latest exchange is wrong
	oversize bool         // a datagram of the latest exchange was too long
	accepted atomic.Bool  // the latest exchange has its response
}

// An observer receives the events of dialogs, on any goroutine.
type observer struct {
	ignored func(why ignoredReason)
	trace   func(number, turn int) *ohce.ClientTrace // may be nil; its DatagramIgnored is not called
	note    func(format string, args ...any)         // may be nil
}

// An outcome is what happened to a dialog.
type outcome struct {
	class measure.Class
	err   error           // the reason for any class but Answered
	rtts  []time.Duration // of the exchanges with a response

	labels                   map[string]string // of the responses that met their expectations
	failedRegex, failedBytes bool              // the response did not meet an expectation
}

// An ignoredReason is the reason why a datagram is not a response. Its values are the values of a
// label.
type ignoredReason string

const (
	ignoredLate       ignoredReason = "late"
	ignoredDuplicate  ignoredReason = "duplicate"
	ignoredUnexpected ignoredReason = "unexpected"
	ignoredOversize   ignoredReason = "oversize"
	ignoredOther      ignoredReason = "other_address"
)

// ignoredReasons lists all of them.
var ignoredReasons = []ignoredReason{
	ignoredLate, ignoredDuplicate, ignoredUnexpected, ignoredOversize, ignoredOther,
}

// run makes the conversation, until the time until at the latest.
func (d *dialog) run(ctx context.Context, until time.Time) (o outcome) {
	d.talk = d.module.UDP.dialog()
	defer func() {
		if s, ok := d.talk.(*scriptRun); ok {
			o.labels = s.labels
		}
	}()
	for {
		r, ok := d.talk.next()
		if !ok {
			return o
		}
		if !r.answered {
			o.class, o.err = d.send(ctx, r.data)
		} else {
			d.exchange(ctx, until, r, &o)
		}
		if o.class != measure.Answered {
			return o
		}
	}
}

// exchange sends a request and waits for the response.
func (d *dialog) exchange(ctx context.Context, until time.Time, r request, o *outcome) {
	wait := time.Until(until)
	if wait <= 0 {
		o.class, o.err = measure.Lost, errTimedOut
		return
	}
	d.turns++
	d.wrong, d.oversize = nil, false
	d.accepted.Store(false)
	d.client = d.newClient(wait, r.last)
	response, err := d.client.Exchange(ctx, r.data)
	if err == nil {
		o.rtts = append(o.rtts, response.RTT)
		d.describe(r.data, response)
		return
	}
	d.classify(err, o)
}

// describe adds what a response of a ready-made probe means to the log.
func (d *dialog) describe(request []byte, response *ohce.Response) {
	s, ok := d.talk.(*singleRequest)
	if !ok || s.describe == nil || d.observe.note == nil {
		return
	}
	text, err := s.describe(request, response.Data, probe.Arrival{Time: time.Now(), RTT: response.RTT})
	if err == nil {
		d.note("request %d: the response is: %s", d.number, text)
	}
}

var errTimedOut = errors.New("no response arrived in time")

// classify sets the outcome of an exchange that failed with err.
func (d *dialog) classify(err error, o *outcome) {
	o.class, o.err = measure.ClassOf(err), rootCause(err)
	if o.class == measure.Wrong || o.class == measure.Lost {
		switch {
		case d.wrong != nil:
			o.class, o.err = measure.Wrong, d.wrong
		case d.oversize:
			o.class = measure.Wrong
			o.err = fmt.Errorf("the response is longer than %d bytes (buffer_size)", d.module.UDP.BufferSize)
		default: // nothing arrived, or parts of the response
			o.class, o.err = measure.Lost, errTimedOut
		}
	}
	if s, ok := d.talk.(*scriptRun); ok && d.wrong != nil {
		e := s.waiting()
		o.failedRegex, o.failedBytes = e.regex != nil, e.regex == nil
	}
}

// rootCause returns the innermost error, without the operation and the addresses.
func rootCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			all := joined.Unwrap()
			next = all[len(all)-1]
		}
		if next == nil {
			return err
		}
		err = next
	}
}

// newClient returns a client for one exchange on the socket of the dialog. Only the last one reads the
// socket after its exchange.
func (d *dialog) newClient(wait time.Duration, last bool) *ohce.Client {
	c := &ohce.Client{
		Addr: d.addr, Retry: ohce.RetryAfter(wait), FailFast: true, BufferSize: d.module.UDP.BufferSize,
		Linger: -1, Match: d.matcher(), Trace: d.clientTrace(), Dial: d.shareSocket,
	}
	if last {
		c.Linger = maxTimeout // close ends it
	}
	return c
}

// matcher returns a matcher that accepts what the conversation accepts. No key is needed, because the
// request is alone on its socket.
func (d *dialog) matcher() *ohce.Matcher {
	return &ohce.Matcher{
		RequestKey:  func(dst, _ []byte) []byte { return dst },
		ResponseKey: func(dst, _ []byte) ([]byte, bool) { return dst, true },
		Accept: func(_, response []byte) bool {
			var err error
			d.verdict, err = d.talk.receive(response)
			if d.verdict == wrong && d.wrong == nil {
				d.wrong = err
				d.note("request %d: %v", d.number, err)
			}
			d.accepted.Store(d.verdict == right)
			return d.verdict == right
		},
	}
}

// clientTrace returns the trace of an exchange: that of the observer, and the counts of datagrams.
func (d *dialog) clientTrace() *ohce.ClientTrace {
	t := &ohce.ClientTrace{}
	var draw func(ohce.TraceAttempt, ohce.IgnoreReason, []byte)
	if d.observe.trace != nil {
		t = d.observe.trace(d.number, d.turns)
		draw = t.DatagramIgnored
	}
	t.DatagramIgnored = func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
		if draw != nil {
			draw(a, why, data)
		}
		switch {
		case why == ohce.IgnoreDuplicate:
			d.observe.ignored(ignoredDuplicate)
		case why == ohce.IgnoreLate && !d.accepted.Load():
			d.observe.ignored(ignoredLate)
		case why == ohce.IgnoreOversize:
			d.oversize = true
			d.observe.ignored(ignoredOversize)
		case why == ohce.IgnoreUnexpected && d.verdict == partly: // a part of the response
		default:
			d.observe.ignored(ignoredUnexpected)
		}
	}
	return t
}

// send sends a request that has no response.
func (d *dialog) send(ctx context.Context, data []byte) (measure.Class, error) {
	conn, err := d.open(ctx)
	if err == nil {
		_, err = conn.Write(data)
	}
	if err != nil {
		return measure.ClassOf(err), rootCause(err)
	}
	return measure.Answered, nil
}

// open returns the socket.
func (d *dialog) open(ctx context.Context) (conn net.Conn, err error) {
	switch {
	case d.conn != nil:
		return d.conn, nil
	case d.prober.Dial != nil:
		conn, err = d.prober.Dial(ctx, "udp", d.addr)
	default:
		conn, err = d.openSystem(ctx)
	}
	if err == nil {
		d.conn = conn
	}
	return conn, err
}

// openSystem opens a socket of the system.
func (d *dialog) openSystem(ctx context.Context) (net.Conn, error) {
	dialer := &measure.Dialer{Source: netip.AddrPortFrom(d.module.UDP.Source, 0)}
	if runtime.GOOS != "linux" {
		return dialer.Dial(ctx, "udp", d.addr)
	}
	return dialer.DialOpen(ctx, "udp", d.addr, func(from netip.AddrPort) {
		d.observe.ignored(ignoredOther)
		d.note("request %d: a datagram arrived from another address, %v", d.number, from)
	})
}

// shareSocket is the Dial of each client. The socket stays open when an exchange ends.
func (d *dialog) shareSocket(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	return openConn{conn}, nil
}

// An openConn is a socket that Close leaves open.
type openConn struct{ net.Conn }

func (openConn) Close() error { return nil }

func (d *dialog) note(format string, args ...any) {
	if d.observe.note != nil {
		d.observe.note(format, args...)
	}
}

// close ends the counting of datagrams and closes the socket. run must have returned.
func (d *dialog) close() {
	if d.client != nil {
		d.client.Close()
	}
	if d.conn != nil {
		d.conn.Close()
	}
}
