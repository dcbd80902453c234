package lab

import (
	"fmt"
	"strconv"
	"strings"
)

func (e *explainer) served(i int) (text, why string) {
	s := e.plan.Steps[i]
	earlier := 0
	for _, other := range e.plan.Steps[:i] {
		if other.Kind == Served {
			earlier++
		}
	}
	d := e.plan.Datagrams[s.Datagram]
	text = fmt.Sprintf("The request of attempt %d arrives at the server, which responds "+
		"%s.", s.Attempt,
		strconv.Quote(e.response))
	switch {
	case d.Copy:
		text = fmt.Sprintf("A copy of attempt %d arrives at the server, which responds "+
			"%s.", s.Attempt,
			strconv.Quote(e.response))
		why = "The link duplicated this datagram. The server cannot distinguish a copy from a " +
			"retransmission. "
	case earlier == 0:
		why = "The server learns the text and the address of the sender. It sees a port of the " +
			"link, which forwards for the client as an address translator does. A server has a " +
			"port that its clients know; only the lab starts another server, on a free port, " +
			"for each run."
	}
	if earlier > 0 {
		why += fmt.Sprintf("The server has handled this request %s before. It keeps no record, "+
			"so it responds again. For a text this is harmless. A deposit would be booked "+
			"twice, unless the server remembers its responses.", times(earlier))
	}
	if e.plan.Answered && s.At > e.plan.Elapsed {
		why = "The exchange has ended meanwhile, and the server cannot know it. " + why
	}
	if overtaken := e.overtaken(d); overtaken > 0 {
		why = fmt.Sprintf("This datagram has overtaken that of attempt %d. ", overtaken) + why
	}
	return text, strings.TrimSpace(why)
}

// overtaken returns the earlier attempt that a datagram has overtaken on the same way, or 0.
func (e *explainer) overtaken(d Datagram) int {
	for _, other := range e.plan.Datagrams {
		if other.Up == d.Up && !other.Lost && other.Sent < d.Sent && other.Arrives > d.Arrives {
			return other.Attempt
		}
	}
	return 0
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
