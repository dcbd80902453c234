package lab

import (
	"fmt"
	"strconv"
)

// An explainer writes the texts about an exchange. They follow from the plan alone.
type explainer struct {
	settings *Settings
	schedule *schedule
	plan     *Plan
	response string
}

func (e *explainer) adaptive() bool { return e.schedule.name == "adaptive" }

func (e *explainer) title() string {
	if e.adaptive() {
		return "Adaptive retry"
	}
	return "The tutorial’s retry"
}

// about describes the waits of the schedule.
func (e *explainer) about() string {
	if !e.adaptive() {
		return "Five attempts, which wait 0.1, 0.2, 0.3, 0.4 and 0.5 s, on every network."
	}
	if e.schedule.rtt == 0 {
		return "No earlier exchange was answered before its first wait ended, so no round-trip " +
			"time is known. The first attempt waits one second."
	}
	return fmt.Sprintf("The round trip took about %s in earlier exchanges, so the first "+
		"attempt waits %s.",
		inText(e.schedule.rtt), inText(e.schedule.waits[0]))
}

// outcome describes how the exchange ended.
func (e *explainer) outcome() string {
	attempts := plural(len(e.plan.Waits), "attempt")
	if !e.plan.Answered {
		return fmt.Sprintf("SERVER IS DOWN ! after %s, %s", inText(e.plan.Elapsed), attempts)
	}
	return fmt.Sprintf("%s after %s, %s", strconv.Quote(e.response), inText(e.plan.Elapsed), attempts)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// explain returns what happens in a step, and why.
func (e *explainer) explain(i int) (text, why string) {
	s := e.plan.Steps[i]
	switch s.Kind {
	case Sent:
		return e.sent(s)
	case RequestLost:
		return fmt.Sprintf("The link loses the request of attempt %d.", s.Attempt),
			"The send has succeeded, because the kernel accepted the datagram. UDP reports the " +
				"loss to neither side. The client notices it only when its wait expires."
	case Served:
		return e.served(i)
	case Refused:
		return fmt.Sprintf("The request of attempt %d arrives, but no socket has the "+
				"port.", s.Attempt),
			"The kernel drops the datagram and returns an ICMP message, “port unreachable”, to " +
				"the sender. Here the sender is the link. The client behind it does not see " +
				"the message, as behind many firewalls. A client that is connected to the " +
				"server itself would."
	case ResponseLost:
		return fmt.Sprintf("The link loses the response to attempt %d.", s.Attempt),
			"The server has done its work, and the client does not know. To the client this " +
				"looks exactly like a lost request, so it can only wait and send again."
	case TimedOut:
		return e.timedOut(s)
	case Accepted:
		return e.accepted(s)
	case Late:
		return e.late(s)
	case Duplicate:
		return e.duplicate(i)
	default:
		return e.down()
	}
}
