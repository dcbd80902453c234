package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ohce/ohce"
)

// serverDown is the message for a server that did not respond.
const serverDown = "SERVER IS DOWN !"

// The error codes of --json.
const (
	errorDown          = "down"
	errorRefused       = "refused"
	errorNoResponse    = "no_response"
	errorWrongResponse = "wrong_response"
	errorTooLarge      = "too_large"
	errorUnreachable   = "unreachable"
)

// failure returns the failure of a message that got no response.
func (s *sender) failure(message []byte, err error) *failure {
	f := &failure{code: exitFail, json: errorUnreachable}
	errors.As(err, &f.op)
	servers := strings.Join(s.flags.servers, ",")
	switch {
	case errors.Is(err, context.Canceled):
		f.what, f.json = "interrupted", ""
	case errors.Is(err, ohce.ErrServerDown) && f.op != nil:
		f.what, f.json = s.downText(f.op)
		f.hint = s.downHint(f.op)
	case errors.Is(err, ohce.ErrTooLarge) && len(message) <= maxText:
		f.json = errorTooLarge
		f.what = fmt.Sprintf("this system does not send %d bytes in one datagram", len(message))
		f.hint = "send the text in parts; the limit may be a setting (macOS: net.inet.udp.maxdgram)"
	case errors.Is(err, ohce.ErrTooLarge):
		return tooLong(len(message))
	case isDescriptorLimit(err):
		f.what = fmt.Sprintf("cannot reach %s: %v", servers, rootCause(err))
		f.hint = descriptorHint
	case isNameError(err):
		f.what = nameError(err)
		f.hint = "check the name, or give an IP address"
	default:
		f.what = fmt.Sprintf("cannot reach %s: %v", servers, rootCause(err))
		f.hint = "check the address and this machine's network"
	}
	return f
}

// downText describes an exchange without a response, and returns its error code. A server that has
// answered other messages, or wrongly, is not down.
func (s *sender) downText(op *ohce.OpError) (what, code string) {
	answered, unexpected := s.counts()
	attempts := fmt.Sprintf("%d attempts in %.1f s", op.Attempts, op.Elapsed.Seconds())
	if op.Attempts == 1 {
		attempts = fmt.Sprintf("1 attempt in %.1f s", op.Elapsed.Seconds())
	}
	switch {
	case answered == 0 && unexpected == 1:
		return "1 response, and it is not the right one", errorWrongResponse
	case answered == 0 && unexpected > 0:
		return fmt.Sprintf("%d responses, none of them right", unexpected), errorWrongResponse
	case answered > 0 && unexpected > 0:
		return "no right response after " + attempts, errorWrongResponse
	case answered > 0 && op.Attempts > 0:
		return "no response after " + attempts, errorNoResponse
	case errors.Is(op, ohce.ErrPortUnreachable):
		return serverDown, errorRefused
	default:
		return serverDown, errorDown
	}
}

// maxText is the maximum payload of a datagram on IPv4, in bytes. On IPv6 it is maxLine.
const maxText = 65_507

func tooLong(length int) *failure {
	has := fmt.Sprint(length)
	if length > maxLine && length <= lineBufferSize { // a line of unknown length: see readLine
		has = fmt.Sprintf("over %d", maxLine)
	}
	return &failure{
		what: fmt.Sprintf("the message has %s bytes, more than a datagram carries", has),
		hint: fmt.Sprintf("a datagram carries up to %d bytes; send the text in parts", maxText),
		code: exitUsage, json: errorTooLarge,
	}
}

// downHint describes how a server that is down behaved, and what to try.
func (s *sender) downHint(op *ohce.OpError) string {
	if len(s.addrs) > 1 {
		return s.allDownHint(op)
	}
	took := op.Elapsed.Round(time.Millisecond)
	_, ignored := s.counts()
	switch {
	case errors.Is(op, ohce.ErrPortUnreachable):
		return fmt.Sprintf("%s refused (port unreachable) for %v: no server listens there; "+
			"start a server with: ohce serve --listen '%s'", op.Addr, took, op.Addr)
	case op.Attempts == 0:
		return fmt.Sprintf("sending to %s failed for %v: %v", op.Addr, took, rootCause(causeOf(op.Err)))
	case ignored > 0:
		return fmt.Sprintf("what %s sent in %v was not the %s of the message (datagrams ignored: %d); "+
			"--expect any accepts any datagram", op.Addr, took, s.flags.expect, ignored)
	default:
		return fmt.Sprintf("%s was silent for %v (datagrams sent: %d): a wrong address, a firewall, "+
			"or a network slower than the waits; try --retry 1s,2s,4s", op.Addr, took, op.Attempts)
	}
}

// allDownHint describes how each of several servers behaved, and what to try.
func (s *sender) allDownHint(op *ohce.OpError) string {
	joined, ok := causeOf(op.Err).(interface{ Unwrap() []error })
	if !ok {
		return fmt.Sprint(op.Err)
	}
	var all []string
	for _, err := range joined.Unwrap() {
		all = append(all, s.downCause(err))
	}
	return strings.Join(all, ", ") + "; check the addresses, or wait longer with --retry 1s,2s,4s"
}

// causeOf returns the second of the two errors that an error wraps: what caused the first. It is nil if
// there is no cause.
func causeOf(err error) error {
	wrapped, ok := err.(interface{ Unwrap() []error })
	if !ok || len(wrapped.Unwrap()) != 2 {
		return nil
	}
	return wrapped.Unwrap()[1]
}

// downCause describes how one of several servers behaved.
func (s *sender) downCause(err error) string {
	var op *ohce.OpError
	switch {
	case !errors.As(err, &op):
		return err.Error()
	case errors.Is(err, ohce.ErrPortUnreachable):
		return op.Addr + " refused (port unreachable)"
	case s.ignoredFrom(op.Addr) > 0:
		return fmt.Sprintf("what %s sent was not the %s of the message", op.Addr, s.flags.expect)
	case errors.Is(err, ohce.ErrServerDown):
		return fmt.Sprintf("%s was silent for %v", op.Addr, op.Elapsed.Round(time.Millisecond))
	default:
		return fmt.Sprintf("%s: %v", op.Addr, rootCause(err))
	}
}

// ignoredFrom returns the number of datagrams from a server that were not the response.
func (s *sender) ignoredFrom(addr string) (n uint64) {
	for _, c := range s.conns {
		n += c.unexpectedFrom(addr)
	}
	return n
}
