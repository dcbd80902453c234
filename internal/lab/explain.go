package lab

import (
	"fmt"
	"strconv"
	"strings"
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
		return "No earlier exchange was answered before its first wait ended, so no round-trip time is known. " +
			"The first attempt waits one second."
	}
	return fmt.Sprintf("The round trip took about %s in earlier exchanges, so the first attempt waits %s.",
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
			"The send has succeeded, because the kernel accepted the datagram. UDP reports the loss to " +
				"neither side. The client notices it only when its wait expires."
	case Served:
		return e.served(i)
	case Refused:
		return fmt.Sprintf("The request of attempt %d arrives, but no socket has the port.", s.Attempt),
			"The kernel drops the datagram and returns an ICMP message, “port unreachable”, to the sender. " +
				"Here the sender is the link. The client behind it does not see the message, as behind many " +
				"firewalls. A client that is connected to the server itself would."
	case ResponseLost:
		return fmt.Sprintf("The link loses the response to attempt %d.", s.Attempt),
			"The server has done its work, and the client does not know. To the client this looks exactly " +
				"like a lost request, so it can only wait and send again."
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

func (e *explainer) sent(s Step) (text, why string) {
	wait := inText(e.plan.Waits[s.Attempt-1])
	of := fmt.Sprintf("attempt %d of %d", s.Attempt, len(e.schedule.waits))
	quoted := strconv.Quote(e.settings.Text)
	if s.Attempt == 1 {
		return fmt.Sprintf("The client sends %s, %s. It waits %s.", quoted, of, wait),
			"The client has opened a socket, and the system has chosen a free port for it. Another exchange " +
				"has another socket and so another port: send again and compare. The datagram carries this port, " +
				"and the server sends its response there." + e.firstWait()
	}
	text = fmt.Sprintf("Retransmission: the client sends %s again, %s. It waits %s.", quoted, of, wait)
	why = "The client cannot know whether the request was lost, the response was lost, or one of them is only " +
		"slow. It sends the same bytes from the same port. "
	if e.adaptive() && s.Attempt == len(e.schedule.waits) {
		return text, why + "The last attempt waits for the rest of " + inText(e.schedule.budget()) + "."
	}
	if e.adaptive() {
		return text, why + fmt.Sprintf("Each wait is √2 times as long as the one before, up to an eighth of %s or "+
			"the first wait if that is longer. (A real client adds up to a tenth at random.)", inText(e.schedule.budget()))
	}
	return text, why + "Each wait is 0.1 s longer than the one before. If the network is slow, a longer wait gives " +
		"the response time to arrive, and a busy network gets fewer datagrams."
}

// firstWait explains the first wait of the adaptive schedule.
func (e *explainer) firstWait() string {
	switch {
	case !e.adaptive():
		return ""
	case e.schedule.rtt == 0:
		return " The first wait is one second, until the client knows a round-trip time (RFC 8085)."
	default:
		return fmt.Sprintf(" The first wait is the smoothed round-trip time, %s, plus four times its variation "+
			"or 10 ms, and at least 50 ms (after RFC 6298).", inText(e.schedule.rtt))
	}
}

func (e *explainer) served(i int) (text, why string) {
	s := e.plan.Steps[i]
	earlier := 0
	for _, other := range e.plan.Steps[:i] {
		if other.Kind == Served {
			earlier++
		}
	}
	d := e.plan.Datagrams[s.Datagram]
	text = fmt.Sprintf("The request of attempt %d arrives at the server, which responds %s.", s.Attempt,
		strconv.Quote(e.response))
	switch {
	case d.Copy:
		text = fmt.Sprintf("A copy of attempt %d arrives at the server, which responds %s.", s.Attempt,
			strconv.Quote(e.response))
		why = "The link duplicated this datagram. The server cannot distinguish a copy from a retransmission. "
	case earlier == 0:
		why = "The server learns the text and the address of the sender. It sees a port of the link, which " +
			"forwards for the client as an address translator does. A server has a port that its clients know; only " +
			"the lab starts another server, on a free port, for each run."
	}
	if earlier > 0 {
		why += fmt.Sprintf("The server has handled this request %s before. It keeps no record, so it responds "+
			"again. For a text this is harmless. A deposit would be booked twice, unless the server remembers "+
			"its responses.", times(earlier))
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

func (e *explainer) timedOut(s Step) (text, why string) {
	text = fmt.Sprintf("No response has arrived within %s: attempt %d times out.",
		inText(e.plan.Waits[s.Attempt-1]), s.Attempt)
	for _, d := range e.plan.Datagrams {
		if !d.Lost && d.Sent < s.At && d.Arrives >= s.At && (!d.Up || e.settings.Server) {
			return text, "A datagram of this exchange is still on its way: the network is slower than the wait. The " +
				"client cannot see this. To the client, slow and lost look the same."
		}
	}
	return text, "The timer is all that the client has. It does not say what was lost, or where."
}

func (e *explainer) accepted(s Step) (text, why string) {
	text = fmt.Sprintf("The response to attempt %d arrives. The exchange ends after %s.", s.Attempt,
		inText(e.plan.Elapsed))
	attempts := len(e.plan.Waits)
	switch {
	case attempts == 1:
		why = "There was one attempt, so the round-trip time is exact. An adaptive client learns from it."
	case s.Attempt < attempts:
		why = fmt.Sprintf("The client has sent attempt %d already, but the exchange is open, so the response is "+
			"welcome. The client cannot tell which attempt was answered, because both responses have the same "+
			"text. It learns no round-trip time from this exchange (Karn’s rule).", attempts)
	default:
		why = "After several attempts, the client cannot tell which one was answered, so it learns no round-trip " +
			"time from this exchange (Karn’s rule)."
	}
	for _, d := range e.plan.Datagrams {
		if !d.Up && !d.Lost && d.Attempt < s.Attempt && d.Arrives > s.At {
			return text, fmt.Sprintf("The response to attempt %d is overtaken and still on its way. For one message the "+
				"order does no harm, because all responses have the same text. ", d.Attempt) + why
		}
	}
	return text, why
}

// ownPort explains why a datagram after the end of an exchange does no harm.
const ownPort = "The client does not take it for the answer to its next message, because that has a socket and a " +
	"port of its own. ohce keeps the old socket open for a while and counts such datagrams. The tutorial’s client " +
	"has one socket for all messages: its next ReadFrom would return this text, as the answer to another message."

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
	text = fmt.Sprintf("A further response, to attempt %d, arrives. The client ignores it.", s.Attempt)
	if d.Copy {
		text = fmt.Sprintf("A copy of the response to attempt %d arrives. The client ignores it.", s.Attempt)
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
		why += "Here no server runs. If the link lost everything, the client would report the same."
	case arrived == 0:
		why += "Here the server runs, and no request has reached it. If no server ran, the client would report the same."
	default:
		why += fmt.Sprintf("Here the server runs: it handled the request %s.", times(arrived))
		if late > 0 {
			why += fmt.Sprintf(" Late responses: %d, as the next steps show.", late)
		}
	}
	return text, why
}

// chances describes the odds.
func (e *explainer) chances(o *Odds) string {
	switch {
	case !e.settings.Server:
		return "Without a server, no attempt can succeed."
	case e.settings.Loss == 100:
		return "Everything is lost, so no attempt can succeed."
	}
	text := ""
	success := float64(100-e.settings.Loss) / 100
	switch {
	case e.settings.Loss == 0:
		text = "Nothing is lost, so each attempt gets a response. "
	case e.settings.Duplicate == 0:
		text = fmt.Sprintf("An attempt succeeds if both its datagrams arrive: %.2f × %.2f = %s. ", success, success,
			percent(o.Attempt))
	default:
		text = fmt.Sprintf("An attempt succeeds if its request and at least one response arrive: %s. ", percent(o.Attempt))
	}
	switch {
	case o.InTime == 0:
		text += "No attempt is early enough for its response to arrive before the client gives up. "
	case o.InTime < o.Attempts:
		text += fmt.Sprintf("The last response that can arrive in time is that to attempt %d of %d. ", o.InTime, o.Attempts)
	}
	if e.settings.Loss > 0 && o.InTime > 1 {
		text += fmt.Sprintf("All %d attempts fail with probability %.2f%s = %s. ", o.InTime, 1-o.Attempt,
			superscript(o.InTime), percent(o.Down))
	}
	return text + fmt.Sprintf("Of %d exchanges with other seeds, %d are answered, with %.1f attempts on average.",
		o.Seeds, o.Answered, o.Datagrams)
}

// percent formats a share with three significant digits.
func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// superscript writes a number as an exponent.
func superscript(n int) string {
	digits := []rune("⁰¹²³⁴⁵⁶⁷⁸⁹")
	var b strings.Builder
	for _, d := range strconv.Itoa(n) {
		b.WriteRune(digits[d-'0'])
	}
	return b.String()
}
