package lab

import (
	"fmt"
	"strconv"
)

func (e *explainer) sent(s Step) (text, why string) {
	wait := inText(e.plan.Waits[s.Attempt-1])
	of := fmt.Sprintf("attempt %d of %d", s.Attempt, len(e.schedule.waits))
	quoted := strconv.Quote(e.settings.Text)
	if s.Attempt == 1 {
		return fmt.Sprintf("The client sends %s, %s. It waits %s.", quoted, of, wait),
			"The client has opened a socket, and the system has chosen a free port for it. " +
				"Another exchange has another socket and so another port: send again and " +
				"compare. The datagram carries this port, and the server sends its response " +
				"there." + e.firstWait()
	}
	text = fmt.Sprintf("Retransmission: the client sends %s again, %s. It waits "+
		"%s.", quoted, of, wait)
	why = "The client cannot know whether the request was lost, the response was lost, or one " +
		"of them is only slow. It sends the same bytes from the same port. "
	if e.adaptive() && s.Attempt == len(e.schedule.waits) {
		return text, why + "The last attempt waits for the rest of " + inText(e.schedule.budget()) + "."
	}
	if e.adaptive() {
		return text, why + fmt.Sprintf("Each wait is √2 times as long as the one before, up to "+
			"an eighth of %s or the first wait if that is longer. (A real client adds up to a "+
			"tenth at random.)", inText(e.schedule.budget()))
	}
	return text, why + "Each wait is 0.1 s longer than the one before. If the network is slow, " +
		"a longer wait gives the response time to arrive, and a busy network gets fewer " +
		"datagrams."
}

// firstWait explains the first wait of the adaptive schedule.
func (e *explainer) firstWait() string {
	switch {
	case !e.adaptive():
		return ""
	case e.schedule.rtt == 0:
		return "The first wait is one second, until the client knows a round-trip time (RFC " +
			"8085)."
	default:
		return fmt.Sprintf("The first wait is the smoothed round-trip time, %s, plus four "+
			"times its variation or 10 ms, and at least 50 ms (after RFC "+
			"6298).", inText(e.schedule.rtt))
	}
}

func (e *explainer) timedOut(s Step) (text, why string) {
	text = fmt.Sprintf("No response has arrived within %s: attempt %d times out.",
		inText(e.plan.Waits[s.Attempt-1]), s.Attempt)
	for _, d := range e.plan.Datagrams {
		if !d.Lost && d.Sent < s.At && d.Arrives >= s.At && (!d.Up || e.settings.Server) {
			return text, "A datagram of this exchange is still on its way: the network is " +
				"slower than the wait. The client cannot see this. To the client, slow and " +
				"lost look the same."
		}
	}
	return text, "The timer is all that the client has. It does not say what was lost, or where."
}

func (e *explainer) down() (text, why string) {
	text = "SERVER IS DOWN ! The client gives up after " + inText(e.plan.Elapsed) + "."
	arrived, late := 0, 0
	for _, s := range e.plan.Steps {
		switch {
		case s.Kind == Served && s.At <= e.plan.Elapsed:
			arrived++
		case s.Kind == Late:
			late++
		}
	}
	why = "This proves only that no response arrived in time. "
	switch {
	case !e.settings.Server:
		why += "Here no server runs. If the link lost everything, the client would report the " +
			"same."
	case arrived == 0:
		why += "Here the server runs, and no request has reached it. If no server ran, the " +
			"client would report the same."
	default:
		why += fmt.Sprintf("Here the server runs: it handled the request %s.", times(arrived))
		if late > 0 {
			why += fmt.Sprintf(" Late responses: %d, as the next steps show.", late)
		}
	}
	return text, why
}
