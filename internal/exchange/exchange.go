// Package exchange keeps requests in flight: it decides when a request is sent, when it is sent
// again, which response answers it and when its exchange ends. It does no I/O, starts no goroutine
// and reads no clock. Every method that depends on time takes it as an argument.
//
// # Use
//
// A [Machine] is driven by a loop that owns the sockets. In each turn the loop
//
//  1. passes everything that has arrived to [Machine.Received],
//  2. calls [Machine.Expire],
//  3. takes finished exchanges from [Machine.Pop], submits new requests while there is room
//     ([Machine.Room], [Machine.Submit]), and carries out what [Machine.Next] returns: sockets to open
//     and to close, and datagrams to send.
//
// Then it waits until something arrives or until the wake-up time that Next has returned. The order
// receive, expire, send matters: a datagram that has arrived in time must not find its request
// expired because the loop was busy.
//
// # Ports
//
// A Machine numbers its sockets. On one socket at most one request with a given key is in flight,
// and a key is not used again there while a late response may still arrive, so no response is taken
// for the response to another request. Requests whose keys differ share a socket. Without a
// [Matcher] all requests have the same key, the empty one, so each has a socket of its own.
//
// # Parts
//
// The parts of a Machine are pure as well: [Schedule], [Estimator], [Window], [Pacer], [Breaker].
//
// # Concurrency
//
// A Machine is for one goroutine. An Estimator and Counters may be shared by several machines.
package exchange

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrNotTried is the cause of an exchange that a [Breaker] ended before its first attempt.
var ErrNotTried = errors.New("not sent, because the server answered none of the requests before it")

// An Outcome says how an exchange ended.
type Outcome uint8

const (
	// Pending: the exchange has not ended.
	Pending Outcome = iota
	// Answered: a response arrived.
	Answered
	// Down: no response arrived within the schedule.
	Down
	// Unreachable: the port is unreachable, and Config.FailFast is set.
	Unreachable
	// TooLong: the request is longer than a datagram can be; see Request.Cause.
	TooLong
	// NoSocket: no socket could be opened, or it failed; see Request.Cause.
	NoSocket
	// Aborted: the driver called Abort.
	Aborted
)

// A Reason says why a datagram was not accepted as a response.
type Reason uint8

const (
	// Unexpected: it answers no request in flight.
	Unexpected Reason = iota
	// Oversize: it is longer than Config.MaxResponse.
	Oversize
	// Late: its exchange had ended without it.
	Late
	// Duplicate: its exchange had been answered.
	Duplicate
	// Overflow: Config.MaxBytes left no room to hold it. The request is retransmitted.
	Overflow

	// Reasons is the number of reasons.
	Reasons
)

// Counters count what machines did. They may be shared and read at any time.
type Counters struct {
	Answered, Down, Failed atomic.Uint64 // exchanges that have ended
	Sent, Unsent           atomic.Uint64 // attempts that the kernel took and refused
	Unreachable            atomic.Uint64 // ICMP port unreachable messages
	Ignored                [Reasons]atomic.Uint64
}

// A Kind is a kind of Event.
type Kind uint8

const (
	// AttemptSent: the driver has reported the attempt as sent or refused (Event.Err).
	AttemptSent Kind = iota
	// AttemptTimedOut: no response arrived before the attempt's deadline.
	AttemptTimedOut
	// PortUnreachable: an ICMP port unreachable message arrived.
	PortUnreachable
	// ResponseAccepted: the request has its response.
	ResponseAccepted
	// DatagramIgnored: a datagram was not accepted; Event.Reason says why.
	DatagramIgnored
)

// An Event is a step of an exchange. It is valid during the call that reports it.
type Event struct {
	Kind Kind
	Time time.Time
	Port Port
	// Socket is that of Port; nil if it has been closed.
	Socket *Socket
	// Request is the request that the event concerns. It is nil where the event cannot be
	// attributed: several requests are in flight on the port, or none is.
	Request *Request
	Data    []byte // of an ignored datagram
	Reason  Reason
	Err     error
}

// A Port numbers a socket of a Machine, from 0 on. A number is used once.
type Port uint32

// A Request is a request and the state of its exchange. A driver reads it; the Machine changes it.
type Request struct {
	// Number and Data are what Submit was given.
	Number uint64
	Data   []byte

	// Port is the socket of the last attempt.
	Port Port
	// Attempt counts the attempts of the current schedule, from 1; 0 before the first one.
	Attempt int
	// Begun is when the first attempt was made, Sent when the last one was, and Wait how long the
	// last one waits for a response.
	Begun, Sent time.Time
	Wait        time.Duration
	// Transmitted counts the datagrams that the kernel took.
	Transmitted int

	// Outcome says how the exchange ended.
	Outcome Outcome
	// Response is the response's content, never nil if Outcome is Answered. It belongs to the
	// caller.
	Response []byte
	// RTT is the time from the latest attempt that the response can answer to the response, and
	// Elapsed that from the first attempt to the end of the exchange. Neither is ever negative.
	RTT, Elapsed time.Duration
	// Cause is what the system or the network reported last during the exchange, or nil.
	Cause error
	// Unexpected counts the datagrams that arrived for this request and did not answer it.
	Unexpected int

	// Socket is the socket of the last attempt; nil before the first one.
	Socket *Socket

	key       []byte
	sequence  uint64 // of the first attempt, among those of all requests
	hash      uint64
	port      *port     // that of Port; nil before it has been chosen
	next      *Request  // in the table, with the same hash
	tail      *Request  // of the first one with this hash, the last one
	start     time.Time // of the current schedule
	causeTime time.Time // of Cause
	previous  time.Time // when the attempt before the last one was made
	deadline  time.Time
	heapIndex int // of the deadlines, from 1; 0 if it has none
	jitter    float64
	parked    bool
	ambiguous bool // a response may answer one of several attempts (Karn)
	inTable   bool
	held      int // bytes charged to Config.MaxBytes
	reserved  int // bytes kept for the response
}

// event is an event that concerns r.
func (r *Request) event(kind Kind, now time.Time) Event {
	return Event{Kind: kind, Time: now, Port: r.Port, Socket: r.Socket, Request: r}
}

func (r *Request) done() bool { return r.Outcome != Pending }
