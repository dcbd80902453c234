// Package exchange is the state machine of a client. It decides when a request is sent and
// retransmitted, which response answers it, and when its exchange ends. It does no I/O, starts no
// goroutine and reads no clock. Every method that depends on time takes it as an argument.
//
// # Use
//
// A [Machine] is driven by a loop that owns the sockets. In each turn the loop
//
//  1. passes all arrived datagrams to [Machine.Received],
//  2. calls [Machine.Expire],
//  3. takes finished exchanges from [Machine.Pop] and submits new requests while there is room
//     ([Machine.Room], [Machine.Submit]),
//  4. calls [Machine.Next] and carries out the [Step] that it returns: it opens and closes sockets
//     and sends datagrams.
//
// Then the loop waits until a datagram arrives or until the wake-up time of the step. The order
// matters: if Expire were called before Received, a busy loop would expire requests whose responses
// have arrived in time.
//
// # Ports
//
// A Machine identifies its sockets by numbers. At most one request with a given key is in flight on
// a socket, and a key is not used again there while a late response may arrive. No response can
// therefore be taken for the response to another request. Requests with different keys share a
// socket. Without a [Matcher], all requests have the empty key, so each has a socket of its own.
//
// # Parts
//
// The parts of a Machine are pure as well: [Schedule], [Estimator], [Window], [Pacer], [Breaker].
//
// # Concurrency
//
// A Machine must not be used concurrently. An Estimator and Counters may be shared by several
// machines.
package exchange

import (
	"errors"
	"sync/atomic"
	"time"
)

// ErrNotTried is the cause of an exchange that a [Breaker] ended before its first attempt.
var ErrNotTried = errors.New("not sent, because the server did not answer the previous requests")

// An Outcome is the result of an exchange.
type Outcome uint8

const (
	// Pending means that the exchange has not ended.
	Pending Outcome = iota
	// Answered means that a response arrived.
	Answered
	// Down means that no response arrived within the schedule.
	Down
	// Unreachable means that the port is unreachable and Config.FailFast is set.
	Unreachable
	// TooLong means that the request is longer than a datagram can be. See Request.Cause.
	TooLong
	// NoSocket means that no socket could be opened, or that the socket failed. See Request.Cause.
	NoSocket
	// Aborted means that the driver called Abort.
	Aborted
)

// A Reason is the reason why a datagram was not accepted as a response.
type Reason uint8

const (
	// Unexpected means that the datagram answers no request in flight.
	Unexpected Reason = iota
	// Oversize means that the datagram is longer than Config.MaxResponse.
	Oversize
	// Late means that the exchange had ended without a response.
	Late
	// Duplicate means that the exchange had been answered.
	Duplicate
	// Overflow means that Config.MaxBytes left no room for the datagram. The request is
	// retransmitted.
	Overflow

	// Reasons is the number of reasons.
	Reasons
)

// Counters holds the counters of one or more machines. It is safe for concurrent use.
type Counters struct {
	Answered, Down, Failed atomic.Uint64 // exchanges that have ended
	Sent, Unsent           atomic.Uint64 // attempts that the kernel accepted and refused
	Unreachable            atomic.Uint64 // ICMP port unreachable messages
	Ignored                [Reasons]atomic.Uint64
}

// A Kind is the kind of an Event.
type Kind uint8

const (
	// AttemptSent means that the driver has reported the attempt as sent, or as refused
	// (Event.Err). Its time is Request.Sent, from which round-trip times count.
	AttemptSent Kind = iota
	// AttemptTimedOut means that no response arrived before the deadline of the attempt.
	AttemptTimedOut
	// PortUnreachable means that an ICMP port unreachable message arrived.
	PortUnreachable
	// ResponseAccepted means that the response to the request arrived.
	ResponseAccepted
	// DatagramIgnored means that a datagram was not accepted. Event.Reason is the reason.
	DatagramIgnored
)

// An Event describes a step of an exchange. It is valid until the function that receives it
// returns.
type Event struct {
	Kind Kind
	Time time.Time
	Port Port
	// Socket is the socket of Port, or nil if it has been closed.
	Socket *Socket
	// Request is the request that the event concerns. It is nil if several requests or none are in
	// flight on the port and the event belongs to none of them.
	Request *Request
	Data    []byte // the content of an ignored datagram
	Reason  Reason
	Err     error
}

// A Port is the number of a socket of a Machine, from 0. Each number is used once.
type Port uint32

// A Request is a request and the state of its exchange. Only the Machine modifies it.
type Request struct {
	// Number and Data are the arguments of Submit.
	Number uint64
	Data   []byte

	// Port is the socket of the last attempt.
	Port Port
	// Attempt is the number of attempts made under the current schedule.
	Attempt int
	// Begun is the time of the first attempt, and Sent that of the last one. Wait is how long the
	// last attempt waits for a response.
	Begun, Sent time.Time
	Wait        time.Duration
	// Transmitted counts the datagrams that the kernel accepted.
	Transmitted int

	// Outcome is the result of the exchange.
	Outcome Outcome
	// Response is the content of the response. It is not nil if Outcome is Answered. It belongs to
	// the caller.
	Response []byte
	// RTT is the time to the response from the latest attempt that it can answer. Elapsed is the
	// time from the first attempt to the end of the exchange. Neither is negative.
	RTT, Elapsed time.Duration
	// ReceiveDelay belongs to the driver, which may set it when Received has returned the request.
	ReceiveDelay time.Duration
	// Cause is the last error that the system or the network reported during the exchange, or nil.
	Cause error
	// Unexpected counts the unexpected datagrams that arrived while this was the only request in
	// flight on its socket.
	Unexpected int

	// Socket is the socket of the last attempt, or nil before the first.
	Socket *Socket

	key       []byte
	sequence  uint64 // number of the first attempt among the first attempts of all requests
	hash      uint64
	port      *port     // the port numbered Port; nil until chosen
	next      *Request  // the next request in the table with the same hash
	tail      *Request  // in the first request with a hash: the last one
	start     time.Time // when the current schedule began
	causeTime time.Time // when Cause was reported
	previous  time.Time // when the attempt before the last one was made
	deadline  time.Time
	heapIndex int // index in deadlines plus 1; 0 if not in the heap
	jitter    float64
	parked    bool
	ambiguous bool // a response may answer any of several attempts (Karn)
	inTable   bool
	held      int // bytes charged to Config.MaxBytes
	reserved  int // bytes reserved for the response
}

// event returns an event that concerns r.
func (r *Request) event(kind Kind, now time.Time) Event {
	return Event{Kind: kind, Time: now, Port: r.Port, Socket: r.Socket, Request: r}
}

func (r *Request) done() bool { return r.Outcome != Pending }
