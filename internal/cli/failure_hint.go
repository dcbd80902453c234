package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ohce/ohce"
)

// downHint describes how the servers behaved that did not answer a message, and what to try.
func (s *sender) downHint(code string, op *ohce.OpError) string {
	if len(s.addrs) > 1 {
		return s.allDownHint(op)
	}
	took := op.Elapsed.Round(time.Millisecond)
	switch {
	case code == errorRefused:
		return fmt.Sprintf("%s refused (port unreachable) for %v: no server listens there; "+
			"start a server with: ohce serve --listen '%s'", op.Addr, took, op.Addr)
	case code == errorWrongResponse:
		return fmt.Sprintf("%s did not send the %s of the message; --expect any accepts any response",
			op.Addr, s.flags.expect)
	case op.Attempts == 0 && causeOf(op.Err) != nil:
		return fmt.Sprintf("sending to %s failed for %v: %v", op.Addr, took, rootCause(causeOf(op.Err)))
	case code == errorDown:
		return fmt.Sprintf("%s was silent for %v (datagrams sent: %d): a wrong address, a firewall, "+
			"or a network slower than the waits%s", op.Addr, took, op.Attempts, s.retryHint("1s,2s,4s"))
	case s.stats().Late > 0:
		return fmt.Sprintf("responses of %s arrived after the last wait%s", op.Addr, s.retryHint("1s,2s,4s"))
	default:
		return fmt.Sprintf("%s answered other messages: the network loses datagrams, or the server "+
			"does not answer this text%s", op.Addr, s.retryHint("adaptive,5s"))
	}
}

// retryHint suggests a schedule unless the user has chosen one.
func (s *sender) retryHint(schedule string) string {
	if s.flags.retry != defaultRetry {
		return ""
	}
	return "; try --retry " + schedule
}

// allDownHint describes how each of several servers behaved, and what to try.
func (s *sender) allDownHint(op *ohce.OpError) string {
	var all []string
	for _, err := range serverErrors(op) {
		all = append(all, s.downCause(err))
	}
	return strings.Join(all, ", ") + "; check the addresses" + s.retryHint("1s,2s,4s")
}

// allRefused reports whether the ports of all servers are unreachable.
func allRefused(op *ohce.OpError) bool {
	for _, err := range serverErrors(op) {
		if !errors.Is(err, ohce.ErrPortUnreachable) {
			return false
		}
	}
	return true
}

// serverErrors returns the error of each server that a request was sent to.
func serverErrors(op *ohce.OpError) []error {
	if joined, ok := causeOf(op.Err).(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{op}
}

// causeOf returns the second of the two errors that an error wraps, which caused the first. It is nil
// if there is no cause.
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
	case op.Unexpected > 0 || s.unexpectedFrom(op.Addr) > 0:
		return fmt.Sprintf("%s did not send the %s of the message", op.Addr, s.flags.expect)
	case errors.Is(err, ohce.ErrServerDown):
		return fmt.Sprintf("%s was silent for %v", op.Addr, op.Elapsed.Round(time.Millisecond))
	default:
		return fmt.Sprintf("%s: %v", op.Addr, rootCause(err))
	}
}

// unexpectedFrom returns the number of datagrams from a server that were not the response.
func (s *sender) unexpectedFrom(addr string) (n uint64) {
	for _, c := range s.conns {
		n += c.unexpectedFrom(addr)
	}
	return n
}
