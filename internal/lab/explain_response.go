package lab

import "fmt"

func (e *explainer) accepted(s Step) (text, why string) {
	text = fmt.Sprintf("The response to attempt %d arrives. The exchange ends after "+
		"%s.", s.Attempt,
		inText(e.plan.Elapsed))
	attempts := len(e.plan.Waits)
	switch {
	case attempts == 1:
		why = "There was one attempt, so the round-trip time is exact. An adaptive client " +
			"learns from it."
	case s.Attempt < attempts:
		why = fmt.Sprintf("The client has sent attempt %d already, but the exchange is open, "+
			"so the response is welcome. The client cannot tell which attempt was answered, "+
			"because both responses have the same text. It learns no round-trip time from this "+
			"exchange (Karn’s rule).", attempts)
	default:
		why = "After several attempts, the client cannot tell which one was answered, so it " +
			"learns no round-trip time from this exchange (Karn’s rule)."
	}
	for _, d := range e.plan.Datagrams {
		if !d.Up && !d.Lost && d.Attempt < s.Attempt && d.Sent <= s.At && d.Arrives > s.At {
			return text, fmt.Sprintf("The response to attempt %d is overtaken and still on its "+
				"way. For one message the order does no harm, because all responses have the "+
				"same text. ",
				d.Attempt) + why
		}
	}
	return text, why
}

// ownPort explains why a datagram after the end of an exchange does no harm.
const ownPort = "The client does not take it for the answer to its next message, because that " +
	"has a socket and a port of its own. ohce keeps the old socket open for a while and counts " +
	"such datagrams. The tutorial’s client has one socket for all messages: its next ReadFrom " +
	"would return this text, as the answer to another message."

func (e *explainer) late(s Step) (text, why string) {
	text = fmt.Sprintf("A late response to attempt %d arrives. The client ignores it.", s.Attempt)
	if !e.plan.Answered {
		return text, "The client has given up, although the server was running. " + ownPort
	}
	return text, "The exchange has its answer already. " + ownPort
}

func (e *explainer) duplicate(i int) (text, why string) {
	s := e.plan.Steps[i]
	d := e.plan.Datagrams[s.Datagram]
	text = fmt.Sprintf("A further response, to attempt %d, arrives. The client ignores "+
		"it.", s.Attempt)
	if d.Copy {
		text = fmt.Sprintf("A copy of the response to attempt %d arrives. The client ignores "+
			"it.", s.Attempt)
	}
	switch {
	case d.Copy:
		why = "The link duplicated the response. "
	case s.Attempt == e.acceptedAttempt():
		why = "The link duplicated the request, so the server responded twice. "
	default:
		why = "The server responded to each attempt that arrived. "
	}
	return text, why + "The exchange has its answer already. " + ownPort
}

func (e *explainer) acceptedAttempt() int {
	for _, s := range e.plan.Steps {
		if s.Kind == Accepted {
			return s.Attempt
		}
	}
	return 0
}
