package ohce

import (
	"net/netip"
	"time"

	"github.com/ohce/ohce/internal/exchange"
)

// A ClientTrace is a set of functions that a Client calls at the steps of its exchanges. Any of
// them may be nil. They run on the goroutine of Exchange or of the loop over a Stream, which waits
// for them; DatagramIgnored may also run on another goroutine after Exchange has returned. If
// several exchanges are in progress, the functions may run at once.
type ClientTrace struct {
	// AttemptSent is called when the request has been handed to the kernel. If the kernel refused
	// the attempt, TraceAttempt.Err is the error.
	AttemptSent func(TraceAttempt)
	// AttemptTimedOut is called when an attempt has had no response within its wait.
	AttemptTimedOut func(TraceAttempt)
	// PortUnreachable is called when an ICMP port unreachable message arrives.
	PortUnreachable func(TraceAttempt)
	// ResponseAccepted is called with the response to the request.
	ResponseAccepted func(TraceAttempt, *Response)
	// DatagramIgnored is called for a datagram that is not delivered. data is valid until it
	// returns.
	DatagramIgnored func(a TraceAttempt, why IgnoreReason, data []byte)
}

// A TraceAttempt describes the exchange that an event concerns. If several requests are in flight
// on a socket, a datagram or an ICMP message that belongs to none of them is attributed to the
// socket alone: all fields but Local and Remote are zero then.
type TraceAttempt struct {
	// Exchange is the exchange's number within its Client, from 1. Those of a stream are numbered
	// in the order of the requests.
	Exchange uint64
	// Request is the request. It must be neither changed nor kept, and is nil after the exchange
	// has ended.
	Request []byte
	// Attempt is the number of the attempt, from 1; Attempts is how many there can be.
	Attempt, Attempts int
	// Wait is how long this attempt waits for its response.
	Wait time.Duration
	// Elapsed is the time since the first attempt.
	Elapsed time.Duration
	// Local and Remote are the addresses of the socket, zero if it is not an IP socket.
	Local, Remote netip.AddrPort
	// Err is why the kernel refused the attempt, or nil.
	Err error
}

// An IgnoreReason says why a datagram was not delivered.
type IgnoreReason uint8

const (
	// IgnoreUnexpected: it answers no request; see Client.Match.
	IgnoreUnexpected IgnoreReason = iota
	// IgnoreOversize: it is longer than Client.BufferSize.
	IgnoreOversize
	// IgnoreLate: it arrived after the exchange had ended.
	IgnoreLate
	// IgnoreDuplicate: it arrived after the exchange had ended, and equals the response.
	IgnoreDuplicate
	// IgnoreOverflow: Client.MaxBytes left no room for it. Its request is retransmitted.
	IgnoreOverflow
)

// String returns the reason in lower case.
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

// ignoreReasons are the reasons of a machine.
var ignoreReasons = [exchange.Reasons]IgnoreReason{
	exchange.Unexpected: IgnoreUnexpected, exchange.Oversize: IgnoreOversize,
	exchange.Late: IgnoreLate, exchange.Duplicate: IgnoreDuplicate,
	exchange.Overflow: IgnoreOverflow,
}

// observer passes the events of a machine to Trace; nil if there is none.
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
	a := TraceAttempt{Err: e.Err}
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
