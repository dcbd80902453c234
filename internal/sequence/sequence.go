// Package sequence draws exchanges as sequence diagrams: the client on the left, the server on the
// right, one arrow for each datagram, and the time on the left edge.
//
// # Use
//
// Callers report each step of an exchange as an [Event], together with the [Exchange] that it
// belongs to. A [Text] draws events as lines as soon as it can. A [Diagram] stores them and writes
// all exchanges as one SVG document:
//
//	text := &sequence.Text{W: os.Stderr}
//	text.Add(x, sequence.Event{Kind: sequence.Sent, Attempt: 1, Attempts: 5, Wait: wait, Payload: p})
//	text.Add(x, sequence.Event{Kind: sequence.Accepted, Time: took, RoundTrip: took, Payload: q})
//	text.Flush()
//
// # Where events come from
//
// A client reports what it sent and received. A relay between client and server also knows what
// became of each datagram and reports Arrived, Answered and Lost; Event.Datagram ties these to the
// datagram's other events. A relay reports an arrival after the datagram has left, so the events of
// such an exchange are complete only at its end: draw it then, with [Text.Draw].
//
// Without a relay's events the diagram shows only what the client knows. An unanswered request ends
// in a question mark, because either direction may have lost the datagram, and the slope of an
// arrow has no meaning.
//
// # Concurrency
//
// A Text and a Diagram must not be used by multiple goroutines at once.
//
// # Limits
//
// A [Payload] holds the first and the last characters of a datagram. A Diagram stores at most 100
// exchanges of at most 100 events each, and the document states how many more there were. A Text
// buffers the events of every open exchange except the one that it is drawing.
package sequence

import (
	"fmt"
	"time"
)

// An Exchange identifies the exchange that an event belongs to.
type Exchange struct {
	// Number tells the exchanges of a diagram apart. Zero is for events outside any exchange.
	Number uint64
	// Client and Server are the addresses written above the two lifelines. If empty, the lifeline
	// has no address.
	Client, Server string
}

// sameEndpoints reports whether x and y have the same client and server.
func (x *Exchange) sameEndpoints(y Exchange) bool {
	return x.Client == y.Client && x.Server == y.Server
}

// title returns the heading of the exchange, short enough for the left edge.
func (x *Exchange) title() string {
	switch {
	case x.Number == 0:
		return "no exchange"
	case x.Number < 1000:
		return fmt.Sprintf("exchange %d", x.Number)
	default:
		return fmt.Sprintf("#%d", x.Number)
	}
}

// An Event is one step of an exchange.
type Event struct {
	Kind Kind
	// Time is the time since the exchange began.
	Time time.Duration
	// Attempt is the number of the transmission that the event is about, or of the latest one.
	// Attempts is the maximum number of transmissions.
	Attempt, Attempts int
	// Wait is how long the attempt waits for a response. It is set for Sent and TimedOut.
	Wait time.Duration
	// Payload is the content of the datagram.
	Payload Payload
	// RoundTrip is the time from the latest attempt to the response. It is set for Accepted.
	RoundTrip time.Duration
	// ResponseTo is the attempt that a response answers, or zero if unknown.
	ResponseTo int
	// Reason explains why a datagram was Refused or Ignored.
	Reason string
	// Datagram identifies a datagram within its exchange and ties its events together: the Sent of
	// a request to its Lost or Arrived, the Answered of a response to its Lost, Accepted or
	// Ignored. A datagram that the network duplicated arrives more than once. Zero ties the event
	// to no other.
	Datagram int
}

// A Kind is the kind of an Event.
type Kind uint8

const (
	// Sent: the client handed a request to its operating system.
	Sent Kind = iota
	// Refused: the client's operating system did not accept the request, for Event.Reason.
	Refused
	// Arrived: a request reached the server.
	Arrived
	// Answered: the server sent a response.
	Answered
	// Lost: the network lost the datagram.
	Lost
	// TimedOut: the attempt's wait for a response expired.
	TimedOut
	// Unreachable: the client received an ICMP port unreachable message.
	Unreachable
	// Accepted: the client received the response. The exchange is over.
	Accepted
	// Ignored: the client received a datagram and discarded it, for Event.Reason. This can happen
	// after the end of the exchange.
	Ignored
)

// canBegin reports whether an exchange can begin with an event of kind k.
func (k Kind) canBegin() bool { return k == Sent || k == Refused }
