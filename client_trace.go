package ohce

import (
	"net/netip"
	"time"

	"github.com/ohce/ohce/internal/exchange"
)

// A ClientTrace is a set of functions that a Client calls at the steps of its exchanges. Any of
// them may be nil.
//
// The functions are called on the goroutine of Exchange or of the loop over a Stream, which waits
// for them to return. DatagramIgnored may also be called on another goroutine after Exchange has
// returned. If several exchanges are in progress, the functions may be called concurrently.
type ClientTrace struct {
	// AttemptSent is called when an attempt has been passed to the kernel. If the kernel refused
	// it, TraceAttempt.Err is the error.
	AttemptSent func(TraceAttempt)
	// AttemptTimedOut is called when no response has arrived within TraceAttempt.Wait.
	AttemptTimedOut func(TraceAttempt)
	// PortUnreachable is called when an ICMP port unreachable message arrives.
	PortUnreachable func(TraceAttempt)
	// ResponseAccepted is called with the response to the request.
	ResponseAccepted func(TraceAttempt, *Response)
	// DatagramIgnored is called for a datagram that is not delivered. data is valid until the
	// function returns.
	DatagramIgnored func(a TraceAttempt, why IgnoreReason, data []byte)
}

// JoinTraces returns a trace that calls the functions of each trace in the given order. It ignores
// traces that are nil. If there are no others, the result is nil.
func JoinTraces(traces ...*ClientTrace) *ClientTrace {
	var joined *ClientTrace
	for _, t := range traces {
		switch {
		case t == nil:
		case joined == nil:
			first := *t
			joined = &first
		default:
			joined = &ClientTrace{
				AttemptSent:      joinCalls(joined.AttemptSent, t.AttemptSent),
				AttemptTimedOut:  joinCalls(joined.AttemptTimedOut, t.AttemptTimedOut),
				PortUnreachable:  joinCalls(joined.PortUnreachable, t.PortUnreachable),
				ResponseAccepted: joinResponseCalls(joined.ResponseAccepted, t.ResponseAccepted),
				DatagramIgnored:  joinIgnoredCalls(joined.DatagramIgnored, t.DatagramIgnored),
			}
		}
	}
	return joined
}

func joinCalls(f, g func(TraceAttempt)) func(TraceAttempt) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a TraceAttempt) { f(a); g(a) }
}

func joinResponseCalls(f, g func(TraceAttempt, *Response)) func(TraceAttempt, *Response) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a TraceAttempt, r *Response) { f(a, r); g(a, r) }
}

func joinIgnoredCalls(
	f, g func(TraceAttempt, IgnoreReason, []byte),
) func(TraceAttempt, IgnoreReason, []byte) {
	switch {
	case f == nil:
		return g
	case g == nil:
		return f
	}
	return func(a TraceAttempt, why IgnoreReason, data []byte) { f(a, why, data); g(a, why, data) }
}

// A TraceAttempt describes the attempt that an event belongs to.
//
// If a datagram or an ICMP message cannot be attributed to one request, only Time, Local and Remote
// are set.
type TraceAttempt struct {
	// Exchange is the number of the exchange within its Client, from 1. The exchanges of a stream
	// are numbered in the order of the requests.
	Exchange uint64
	// Request is the request. It must be neither modified nor retained. It is nil after the
	// exchange has ended.
	Request []byte
	// Attempt is the number of the attempt, from 1. Attempts is the largest number of attempts that
	// the schedule allows.
	Attempt, Attempts int
	// Wait is how long this attempt waits for its response.
	Wait time.Duration
	// Time is the time of the event, and Elapsed the time since the first attempt. The time of an
	// attempt is just before the datagram was passed to the kernel. Response.RTT counts from it.
	Time    time.Time
	Elapsed time.Duration
	// Local and Remote are the addresses of the socket. They are zero if it is not an IP socket.
	Local, Remote netip.AddrPort
	// Err is the error with which the kernel refused the attempt, or nil.
	Err error
}

// An IgnoreReason is the reason why a datagram was not delivered.
type IgnoreReason uint8

const (
	// IgnoreUnexpected means that the datagram answers no request. See Client.Match.
	IgnoreUnexpected IgnoreReason = iota
	// IgnoreOversize means that the datagram is longer than Client.BufferSize.
	IgnoreOversize
	// IgnoreLate means that the datagram arrived after its exchange had ended.
	IgnoreLate
	// IgnoreDuplicate means that the datagram arrived after its exchange had ended and repeats its
	// response.
	IgnoreDuplicate
	// IgnoreOverflow means that Client.MaxBytes left no room for the datagram. The request is
	// retransmitted.
	IgnoreOverflow
)

// String returns the name of the reason in lower case.
func (r IgnoreReason) String() string {
	switch r {
	case IgnoreUnexpected:
		return "unexpected"
	case IgnoreOversize:
		return "oversize"
	case IgnoreLate:
		return "late"
	case IgnoreDuplicate:
		return "duplicate"
	case IgnoreOverflow:
		return "overflow"
	default:
		return "unknown"
	}
}

// ignoreReasons maps the reasons of a machine to those of a trace.
var ignoreReasons = [exchange.Reasons]IgnoreReason{
	exchange.Unexpected: IgnoreUnexpected, exchange.Oversize: IgnoreOversize,
	exchange.Late: IgnoreLate, exchange.Duplicate: IgnoreDuplicate,
	exchange.Overflow: IgnoreOverflow,
}

// observer returns a function that passes the events of a machine to Trace, or nil if there is no
// Trace.
func (c *Client) observer() func(exchange.Event) {
	if c.Trace == nil {
		return nil
	}
	t, attempts := c.Trace, c.Retry.Attempts()
	return func(e exchange.Event) { t.event(&e, attempts) }
}

func (t *ClientTrace) event(e *exchange.Event, attempts int) {
	call := func(f func(TraceAttempt)) {
		if f != nil {
			f(attemptOf(e, attempts))
		}
	}
	switch e.Kind {
	case exchange.AttemptSent:
		call(t.AttemptSent)
	case exchange.AttemptTimedOut:
		call(t.AttemptTimedOut)
	case exchange.PortUnreachable:
		call(t.PortUnreachable)
	case exchange.ResponseAccepted:
		if t.ResponseAccepted != nil {
			t.ResponseAccepted(attemptOf(e, attempts), response(e.Request))
		}
	case exchange.DatagramIgnored:
		if t.DatagramIgnored != nil {
			t.DatagramIgnored(attemptOf(e, attempts), ignoreReasons[e.Reason], e.Data)
		}
	}
}

func attemptOf(e *exchange.Event, attempts int) TraceAttempt {
	a := TraceAttempt{Time: e.Time, Err: e.Err}
	if e.Socket != nil {
		a.Local, a.Remote = e.Socket.Local, e.Socket.Remote
	}
	r := e.Request
	if r == nil {
		return a
	}
	a.Exchange, a.Request, a.Attempt, a.Attempts = r.Number, r.Data, r.Attempt, attempts
	a.Wait = r.Wait
	if !r.Begun.IsZero() {
		a.Elapsed = max(e.Time.Sub(r.Begun), 0)
	}
	return a
}
