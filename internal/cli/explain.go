package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ohce/ohce"
)

// serverDown are the seed's words.
const serverDown = "SERVER IS DOWN !"

// explain says why a message got no answer.
func (s *sender) explain(message []byte, err error) error {
	f := &failure{code: exitFail}
	var op *ohce.OpError
	switch {
	case errors.Is(err, context.Canceled):
		f.what = "interrupted"
	case errors.Is(err, ohce.ErrServerDown) && errors.As(err, &op):
		f.what, f.hint = serverDown, s.whyDown(op)
	case errors.Is(err, ohce.ErrTooLarge) && len(message) <= mostText:
		f.what = fmt.Sprintf("this system does not send %d bytes in one datagram", len(message))
		f.hint = "send the text in parts; the limit may be a setting (macOS: net.inet.udp.maxdgram)"
	case errors.Is(err, ohce.ErrTooLarge):
		return tooLong(len(message))
	case isNameError(err):
		f.what = nameError(err)
		f.hint = "check the name, or give an IP address"
	default:
		f.what = fmt.Sprintf("cannot reach %s: %v", strings.Join(s.flags.servers, ","), innermost(err))
		f.hint = "check the address and this machine's network"
	}
	return f
}

// mostText is the length in bytes of the longest text that a datagram carries on IPv4; IPv6 takes
// some more.
const mostText = 65_507

func tooLong(length int) error {
	has := fmt.Sprint(length)
	if length > mostLine && length <= lineBuffer { // of a line, the rest was not kept
		has = fmt.Sprintf("over %d", mostLine)
	}
	return &failure{
		what: fmt.Sprintf("the message has %s bytes, more than a datagram carries", has),
		hint: fmt.Sprintf("a datagram carries up to %d bytes; send the text in parts", mostText),
		code: exitUsage,
	}
}

// whyDown tells what was seen of a server that is down, and what to try.
func (s *sender) whyDown(op *ohce.OpError) string {
	if s.only() == nil {
		return s.whyAllDown(op)
	}
	took := op.Elapsed.Round(time.Millisecond)
	ignored := s.only().Stats().Unexpected
	switch {
	case errors.Is(op, ohce.ErrPortUnreachable):
		return fmt.Sprintf("%s refused (port unreachable) for %v: no server listens there; "+
			"start a server with: ohce serve --listen '%s'", op.Addr, took, op.Addr)
	case op.Attempts == 0:
		return fmt.Sprintf("sending to %s failed for %v: %v", op.Addr, took, innermost(op.Cause))
	case ignored > 0:
		return fmt.Sprintf("what %s sent in %v was not the %s of the message (datagrams ignored: %d); "+
			"--expect any takes whatever comes", op.Addr, took, s.flags.expect, ignored)
	default:
		return fmt.Sprintf("%s was silent for %v (datagrams sent: %d): a wrong address, a firewall, "+
			"or a network slower than the waits; try --retry 1s,2s,4s", op.Addr, took, op.Attempts)
	}
}

// whyAllDown tells what was seen of each of several servers.
func (s *sender) whyAllDown(op *ohce.OpError) string {
	joined, ok := op.Cause.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Sprint(op.Cause)
	}
	var all []string
	for _, err := range joined.Unwrap() {
		var one *ohce.OpError
		switch {
		case !errors.As(err, &one):
			all = append(all, err.Error())
		case errors.Is(err, ohce.ErrPortUnreachable):
			all = append(all, one.Addr+" refused (port unreachable)")
		case s.ignoredFrom(one.Addr) > 0:
			all = append(all, fmt.Sprintf("what %s sent was not the %s of the message", one.Addr, s.flags.expect))
		case errors.Is(err, ohce.ErrServerDown):
			all = append(all, fmt.Sprintf("%s was silent for %v", one.Addr, one.Elapsed.Round(time.Millisecond)))
		default:
			all = append(all, fmt.Sprintf("%s: %v", one.Addr, innermost(err)))
		}
	}
	return strings.Join(all, ", ") + "; check the addresses, or wait longer with --retry 1s,2s,4s"
}

// ignoredFrom is how many datagrams of a server were not the answer.
func (s *sender) ignoredFrom(addr string) uint64 {
	for _, c := range s.group.Clients {
		if c.Addr == addr {
			return c.Stats().Unexpected
		}
	}
	return 0
}
