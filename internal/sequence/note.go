package sequence

import (
	"fmt"
	"strings"
	"time"
)

// isLate reports whether e is a response that arrived after a further attempt or after the end of
// the exchange.
func (e *Event) isLate() bool {
	switch e.Kind {
	case Accepted:
		return e.ResponseTo > 0 && e.ResponseTo < e.Attempt
	case Ignored:
		return e.Reason == "late" || e.Reason == "duplicate"
	default:
		return false
	}
}

// isLowerBound reports whether the round-trip time of a response is only a lower bound: after
// several attempts the response may answer an earlier one than the latest (Karn's ambiguity, RFC
// 6298, section 3).
func (e *Event) isLowerBound() bool {
	return e.Kind == Accepted && e.Attempt > 1 && e.ResponseTo == 0
}

// note returns the text beside the arrow of an event. p is the path of the event's datagram, or
// nil.
func (e *Event) note(p *path) string {
	attempt := fmt.Sprintf("attempt %d of %d", e.Attempt, e.Attempts)
	switch e.Kind {
	case Sent:
		return attempt + e.outcome(p)
	case Refused:
		return attempt + " could not be sent: " + e.Reason
	case Arrived:
		if p.isCopy(e) {
			return fmt.Sprintf("attempt %d arrives, a copy", e.Attempt)
		}
		return fmt.Sprintf("attempt %d arrives", e.Attempt)
	case Answered:
		if p.isLost() {
			return fmt.Sprintf("answer to attempt %d, lost", e.ResponseTo)
		}
		return fmt.Sprintf("answer to attempt %d", e.ResponseTo)
	case Lost:
		return "lost on the way"
	case TimedOut:
		return "no answer within " + formatWait(e.Wait)
	case Unreachable:
		return "refused: no server listens"
	case Accepted:
		return e.roundTrip()
	default:
		return e.Reason + ", ignored"
	}
}

// sentence describes the event in words, for readers who cannot see its arrow.
func (e *Event) sentence(p *path) string {
	at := strings.TrimSpace(formatTime(e.Time))
	switch e.Kind {
	case Sent, Arrived:
		return fmt.Sprintf("%s: to the server %s: %s.", at, e.Payload.label(maxBody), e.note(p))
	case Answered, Accepted, Ignored:
		return fmt.Sprintf("%s: to the client %s: %s.", at, e.Payload.label(maxBody), e.note(p))
	case Unreachable:
		return fmt.Sprintf("%s: port unreachable, attempt %d %s.", at, e.Attempt, e.note(p))
	default:
		return fmt.Sprintf("%s: %s.", at, e.note(p))
	}
}

// outcome describes what became of a request, as the end of a note.
func (e *Event) outcome(p *path) string {
	switch {
	case p.isLost():
		return ", lost"
	case p.hasArrived():
		return ", took " + formatMillis(p.arrivals[0].Time-e.Time)
	default:
		return ", waits " + formatWait(e.Wait)
	}
}

// roundTrip describes the round-trip time of a response.
func (e *Event) roundTrip() string {
	switch {
	case e.isLate():
		return fmt.Sprintf("late answer to attempt %d", e.ResponseTo)
	case e.isLowerBound():
		return "round trip ≥ " + formatMillis(e.RoundTrip)
	default:
		return "round trip " + formatMillis(e.RoundTrip)
	}
}

// formatMillis formats a duration in milliseconds, to the microsecond.
func formatMillis(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d.Microseconds())/1000)
}

// formatWait formats a timeout, rounded to the millisecond, or to 10 µs if it is below 10 ms.
func formatWait(d time.Duration) string {
	if d >= 10*time.Millisecond {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// formatTime formats an event's time for the left edge, in 12 columns.
func formatTime(d time.Duration) string {
	if d >= 100*time.Second {
		return fmt.Sprintf("%9.3f s ", d.Seconds())
	}
	return fmt.Sprintf("%9.3f ms", float64(d.Microseconds())/1000)
}
