package ohce

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// Errors that a caller can distinguish with errors.Is.
var (
	// ErrServerClosed is returned by Serve after Shutdown, Release or Close. It matches
	// net.ErrClosed (see errors.Is).
	ErrServerClosed error = closedError{}

	// ErrServerDown means that no response arrived within the retry schedule.
	ErrServerDown = errors.New("server is down")

	// ErrPortUnreachable means that an ICMP port unreachable message arrived: no socket is bound to
	// the server's address. An exchange returns it together with ErrServerDown, or alone if
	// Client.FailFast is set.
	ErrPortUnreachable = udp.ErrPortUnreachable

	// ErrAddrInUse means that another socket is bound to the address that a server listens on.
	ErrAddrInUse = errors.New("address in use")

	// ErrTooLarge means that a request or response is longer than a datagram can be. The limit is
	// 65,507 bytes on IPv4 and 65,527 bytes on IPv6. The system can set a lower one.
	ErrTooLarge = errors.New("larger than a datagram can be")
)

type closedError struct{}

func (closedError) Error() string        { return "ohce: server closed" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }

// An OpError describes a failed operation.
type OpError struct {
	// Op is "listen", "filter", "serve", "respond", "dial", "exchange" or "lookup".
	Op string
	// Addr is the address of the operation: the one that was passed, or the one that is bound.
	Addr string
	// Attempts is the number of datagrams that an exchange sent. It is 0 for other operations.
	Attempts int
	// Elapsed is the duration of an exchange. It is 0 for other operations.
	Elapsed time.Duration
	// Unexpected is the number of datagrams that arrived during an exchange and were not its
	// response; see Client.Match. Only datagrams that arrive while no other request is in flight on
	// the socket count. It is 0 for other operations.
	Unexpected int
	// Err is the reason for the failure. It can wrap several errors: for example, the error of an
	// exchange wraps ErrServerDown and the last network error, such as ErrPortUnreachable.
	Err error
}

// Error returns the operation, the address and the reason. For an exchange it adds the number of
// datagrams sent and the duration.
func (e *OpError) Error() string {
	s := fmt.Sprintf("%s %s: %v", e.Op, e.Addr, e.Err)
	if e.Op == "exchange" {
		s += fmt.Sprintf(" (%d sent in %v)", e.Attempts, e.Elapsed.Round(time.Millisecond))
	}
	return s
}

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }

// Timeout reports whether the operation ran out of time: no response arrived within the retry
// schedule or before the context's deadline, or the resolver did not answer.
func (e *OpError) Timeout() bool {
	var t net.Error
	return errors.Is(e.Err, ErrServerDown) || errors.As(e.Err, &t) && t.Timeout()
}

// A causedError is an error together with its cause.
type causedError struct{ err, cause error }

// withCause returns err with its cause. If cause is nil, it returns err.
func withCause(err, cause error) error {
	if cause == nil {
		return err
	}
	return &causedError{err, cause}
}

func (e *causedError) Error() string   { return fmt.Sprintf("%v: %v", e.err, e.cause) }
func (e *causedError) Unwrap() []error { return []error{e.err, e.cause} }

// noRightResponse is ErrServerDown for a server that sent only unexpected datagrams.
type noRightResponse struct{ unexpected int }

func (e *noRightResponse) Error() string {
	if e.unexpected == 1 {
		return "no right response: 1 unexpected datagram"
	}
	return fmt.Sprintf("no right response: %d unexpected datagrams", e.unexpected)
}
func (e *noRightResponse) Unwrap() error { return ErrServerDown }
