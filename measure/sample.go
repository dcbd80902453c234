package measure

import (
	"errors"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/udp"
)

// A Class is what happened to a request.
type Class uint8

const (
	// Answered means that the right response arrived in time.
	Answered Class = iota
	// Lost means that no response arrived in time. The response can arrive later; see Counts.Late.
	Lost
	// Wrong means that the server sent a wrong response. With Prober.Match, a datagram that matches no
	// request is the wrong response to a request in flight only if that is the only one without such a
	// datagram. Otherwise it is not clear which request it belongs to, and only Counts.Unexpected
	// counts it.
	Wrong
	// Refused means that the port is unreachable: no server listens there.
	Refused
	// Unreachable means that a router or this system reported that the host or the network is
	// unreachable.
	Unreachable
	// Unsent means that this system did not send the request. It is a failure of this system and
	// not of the network.
	Unsent
)

// String returns the name of the class in lower case.
func (c Class) String() string {
	switch c {
	case Answered:
		return "answered"
	case Lost:
		return "lost"
	case Wrong:
		return "wrong"
	case Refused:
		return "refused"
	case Unreachable:
		return "unreachable"
	case Unsent:
		return "unsent"
	default:
		return "unknown"
	}
}

// A Sample is what happened to one request.
type Sample struct {
	// Number is the number of the request, from 1.
	Number int
	// Class is the result of the request.
	Class Class
	// Due is the time at which the request was due, and Lag how much later it was sent. Lag is 0 if
	// the request was not sent.
	Due time.Time
	Lag time.Duration
	// Latency is the time from Due to the response, and RTT the time from the transmission to the
	// response. Both are 0 without a response.
	Latency, RTT time.Duration
	// ReceiveDelay is the part of both from the arrival of the response at this system, by the
	// kernel's clock, to its read. It is 0 if unknown: only Linux reports it, and only with
	// Prober.Match.
	ReceiveDelay time.Duration
	// Request and Response are the datagrams. If Class is Wrong, Response is the wrong datagram. It
	// is nil if no datagram arrived for this request. They belong to the caller.
	Request, Response []byte
	// Err is the reason for any class but Answered.
	Err error
}

// ClassOf returns the class of a request that has no response, for the error of [ohce.Client.Exchange].
// With Client.FailFast, a request is Refused only if its port is unreachable until the end. If the
// context was done first, the class is Unsent.
func ClassOf(err error) Class {
	var op *ohce.OpError
	errors.As(err, &op)
	switch {
	case errors.Is(err, ohce.ErrPortUnreachable):
		return Refused
	case isUnreachable(err):
		return Unreachable
	case op == nil || !errors.Is(err, ohce.ErrServerDown) || op.Attempts == 0:
		return Unsent
	case op.Unexpected > 0:
		return Wrong
	default:
		return Lost
	}
}

// isUnreachable reports whether err is the report of a router or of this system that the host or the
// network is unreachable (RFC 1122, section 3.2.2.1).
func isUnreachable(err error) bool {
	switch udp.Name(err) {
	case "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "WSAEHOSTUNREACH", "WSAENETUNREACH":
		return true
	default:
		return false
	}
}
