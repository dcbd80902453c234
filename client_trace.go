package ohce

import (
	"net/netip"
	"time"
)

// A ClientTrace is a set of functions that a Client calls as its exchanges go on. Any of them may be
// nil. They run on the goroutine of the exchange, which waits for them; DatagramIgnored may also run
// on another one after Exchange has returned. With several exchanges at once they run at once.
type ClientTrace struct {
	// AttemptSent is called when the request has been handed to the kernel. An attempt that the
	// kernel refused has the error in Err.
	AttemptSent func(TraceAttempt)
	// AttemptTimedOut is called when the wait for an answer to this attempt is over.
	AttemptTimedOut func(TraceAttempt)
	// PortUnreachable is called when the network says that nobody listens there.
	PortUnreachable func(TraceAttempt)
	// ResponseAccepted is called with the response that Exchange is about to return.
	ResponseAccepted func(TraceAttempt, *Response)
	// DatagramIgnored is called for a datagram that is not delivered. data is valid until it returns.
	DatagramIgnored func(a TraceAttempt, why IgnoreReason, data []byte)
}

// A TraceAttempt says where an exchange stands.
type TraceAttempt struct {
	// Exchange is the exchange's number within its Client, from 1. Those of a stream are numbered in the
	// order of the requests.
	Exchange uint64
	// Request is what the exchange asks. It must be neither changed nor kept. It may be nil after the
	// exchange has ended.
	Request []byte
	// Attempt counts the transmissions so far, from 1; Attempts is how many there can be.
	Attempt, Attempts int
	// Wait is how long this attempt waits for its answer.
	Wait time.Duration
	// Elapsed is the time since the exchange began.
	Elapsed time.Duration
	// Local and Remote are the addresses of the exchange's socket, zero where it is not an IP socket.
	Local, Remote netip.AddrPort
	// Err is why the kernel refused the attempt, or nil.
	Err error
}

// An IgnoreReason says why a datagram was not delivered.
type IgnoreReason uint8

const (
	// IgnoreUnexpected: it came during the exchange, and it is not the answer that Expect says.
	IgnoreUnexpected IgnoreReason = iota
	// IgnoreOversize: it came during the exchange, and it is longer than the client's BufferSize.
	IgnoreOversize
	// IgnoreLate: it came after the exchange had ended.
	IgnoreLate
	// IgnoreDuplicate: it came after the exchange had ended, and it says the same as the response.
	IgnoreDuplicate
)

// String is the reason in lower case.
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
	default:
		return "unknown"
	}
}
