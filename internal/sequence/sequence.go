// Package sequence draws exchanges as sequence diagrams: the client on the left, the server on the
// right, an arrow for each datagram, the time on the left edge.
//
// # Use
//
// What happens is told in Events, each with the Exchange that it belongs to. A Text draws them in
// lines as they come; a Diagram keeps them and writes one picture, as SVG:
//
//	text := &sequence.Text{W: os.Stderr}
//	text.Add(x, sequence.Event{Kind: sequence.Sent, Attempt: 1, Attempts: 5, Wait: wait, Payload: p})
//	text.Add(x, sequence.Event{Kind: sequence.Accepted, Time: took, RoundTrip: took, Payload: q})
//	text.Flush()
//
// # What is known
//
// A client knows what it sent and what came. Who stands between the two, as a relay does, knows
// what became of each datagram; it adds Arrived, Answered and Lost, which Event.Datagram ties to
// what they are about. That is known after a datagram has left: Text.Draw draws such an exchange,
// when it is over. Without those events nothing is made up: a request without an answer ends in a
// question mark in the picture, for nobody knows which way was lost, and slants have no meaning.
//
// # Concurrency
//
// Neither Text nor Diagram may be used by several goroutines at once.
//
// # Limits
//
// Of a datagram the beginning and the end are kept. A Diagram takes in 100 exchanges with 100
// events each; the picture says how many more there were. A Text keeps the events of the exchanges
// that are under way beside the one that it draws.
package sequence

import (
	"fmt"
	"strings"
	"time"
)

// An Exchange says which exchange an event belongs to.
type Exchange struct {
	// Number tells the exchanges of a picture apart. 0 is for what belongs to none of them.
	Number uint64
	// Client and Server are written above the two lines. "" leaves the line without an address.
	Client, Server string
}

// between reports whether x is between the same two as y.
func (x *Exchange) between(y Exchange) bool { return x.Client == y.Client && x.Server == y.Server }

// title is short enough for the left edge.
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

// An Event is something that happened in an exchange.
type Event struct {
	Kind Kind
	// Time is when, since the exchange began.
	Time time.Duration
	// Attempt is the transmission that the event is about, or the last one; Attempts is how many there
	// can be.
	Attempt, Attempts int
	// Wait is how long the attempt waits for its answer. Sent and TimedOut have it.
	Wait time.Duration
	// Payload is what the datagram carries.
	Payload Payload
	// RoundTrip is the time between the last attempt and its answer. Accepted has it.
	RoundTrip time.Duration
	// Answers is the attempt that a response answers, 0 where nobody knows.
	Answers int
	// Why says why a datagram was Refused or Ignored.
	Why string
	// Datagram ties together the events of one datagram: Sent with the Lost or the Arrived of a
	// request, Answered with the Lost, the Accepted or the Ignored of a response. Where several have
	// arrived, the network has doubled it. It is unique in its exchange; 0 ties nothing.
	Datagram int
}

// A Kind says what happened.
type Kind uint8

const (
	// Sent: the client has handed a request to its system.
	Sent Kind = iota
	// Refused: the client's system did not take it. Why says why.
	Refused
	// Arrived: a request has reached the server.
	Arrived
	// Answered: the server has sent a response.
	Answered
	// Lost: the datagram was lost on its way.
	Lost
	// TimedOut: the wait for an answer to the attempt is over.
	TimedOut
	// Unreachable: the network says that nobody listens there.
	Unreachable
	// Accepted: a response has come, and is the answer. It ends the exchange.
	Accepted
	// Ignored: a datagram has come that is not delivered. Why says why. It may come after the end.
	Ignored
)

// begins reports whether an exchange can begin with such an event.
func (k Kind) begins() bool { return k == Sent || k == Refused }

// A trail is what is known of one datagram.
type trail struct {
	start *Event   // Sent or Answered
	ends  []*Event // Arrived, Accepted, Ignored
	lost  *Event
}

// trails finds the events of each datagram that has a number.
func trails(events []Event) map[int]*trail {
	all := make(map[int]*trail)
	for i := range events {
		e := &events[i]
		if e.Datagram == 0 {
			continue
		}
		t := all[e.Datagram]
		if t == nil {
			t = new(trail)
			all[e.Datagram] = t
		}
		switch e.Kind {
		case Sent, Answered:
			t.start = e
		case Arrived, Accepted, Ignored:
			t.ends = append(t.ends, e)
		case Lost:
			t.lost = e
		}
	}
	return all
}

// again reports whether e is not the first arrival of its datagram.
func (t *trail) again(e *Event) bool { return len(t.ends) > 0 && t.ends[0] != e }

// late reports whether e is a response that came after a further attempt or after the end.
func (e *Event) late() bool {
	switch e.Kind {
	case Accepted:
		return e.Answers > 0 && e.Answers < e.Attempt
	case Ignored:
		return e.Why == "late" || e.Why == "duplicate"
	default:
		return false
	}
}

// note is what stands beside the arrow of an event; t may be nil.
func (e *Event) note(t *trail) string {
	attempt := fmt.Sprintf("attempt %d of %d", e.Attempt, e.Attempts)
	switch e.Kind {
	case Sent:
		return attempt + e.fate(t)
	case Refused:
		return attempt + " could not be sent: " + e.Why
	case Arrived:
		if t != nil && t.again(e) {
			return fmt.Sprintf("attempt %d arrives, a copy", e.Attempt)
		}
		return fmt.Sprintf("attempt %d arrives", e.Attempt)
	case Answered:
		if t != nil && t.lost != nil {
			return fmt.Sprintf("answer to attempt %d, lost", e.Answers)
		}
		return fmt.Sprintf("answer to attempt %d", e.Answers)
	case Lost:
		return "lost on its way"
	case TimedOut:
		return "no answer within " + about(e.Wait)
	case Unreachable:
		return "nobody listens there"
	case Accepted:
		return e.trip()
	default:
		return e.Why + ", ignored"
	}
}

// sentence says in words what an arrow shows.
func (e *Event) sentence(t *trail) string {
	at := strings.TrimSpace(clock(e.Time))
	switch e.Kind {
	case Sent, Arrived:
		return fmt.Sprintf("%s: to the server %s: %s.", at, e.Payload.label(mostMiddle), e.note(t))
	case Answered, Accepted, Ignored:
		return fmt.Sprintf("%s: to the client %s: %s.", at, e.Payload.label(mostMiddle), e.note(t))
	case Unreachable:
		return fmt.Sprintf("%s: port unreachable: %s.", at, e.note(t))
	default:
		return fmt.Sprintf("%s: %s.", at, e.note(t))
	}
}

// fate is what became of a request.
func (e *Event) fate(t *trail) string {
	switch {
	case t != nil && t.lost != nil:
		return ", lost"
	case t != nil && len(t.ends) > 0:
		return ", took " + millis(t.ends[0].Time-e.Time)
	default:
		return ", waits " + about(e.Wait)
	}
}

// trip is what is known of the round trip of an answer. After several attempts it is at least the
// time since the last one (Karn's ambiguity, RFC 6298, section 3).
func (e *Event) trip() string {
	switch {
	case e.late():
		return fmt.Sprintf("late answer to attempt %d", e.Answers)
	case e.Attempt > 1 && e.Answers == 0:
		return "round trip ≥ " + millis(e.RoundTrip)
	default:
		return "round trip " + millis(e.RoundTrip)
	}
}

// millis is a time in milliseconds, to the microsecond.
func millis(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d.Microseconds())/1000)
}

// about is a wait without the digits that nobody reads.
func about(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}
