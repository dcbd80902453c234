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
	// ErrServerClosed is what Serve returns after Shutdown or Close, and only then. It is also
	// net.ErrClosed.
	ErrServerClosed error = closedError{}

	// ErrServerDown means that no response arrived within the retry schedule.
	ErrServerDown = errors.New("server is down")

	// ErrPortUnreachable means that an ICMP port unreachable message arrived: no socket is bound to the
	// server's address. It is wrapped together with ErrServerDown, or alone with Client.FailFast.
	ErrPortUnreachable = udp.ErrPortUnreachable

	// ErrAddrInUse means that another socket is bound to the address that a server listens on.
	ErrAddrInUse = errors.New("address in use")

	// ErrTooLarge means that a request or a response is longer than a datagram can be: 65,507 bytes
	// on IPv4, 65,527 on IPv6, less where the system says so.
	ErrTooLarge = errors.New("larger than a datagram can be")
)

type closedError struct{}

func (closedError) Error() string        { return "ohce: server closed" }
func (closedError) Is(target error) bool { return target == net.ErrClosed }

// An OpError says which operation failed, where and why.
type OpError struct {
	// Op is "listen", "serve", "respond", "dial", "exchange" or "lookup".
	Op string
	// Addr is the address of the operation, as it was given or as it was bound.
	Addr string
	// Attempts is the number of datagrams that an exchange sent; otherwise 0.
	Attempts int
	// Elapsed is how long an exchange took; otherwise 0.
	Elapsed time.Duration
	// Err is why the operation failed. It may wrap several errors: that of an exchange wraps
	// ErrServerDown and what the network reported meanwhile, such as ErrPortUnreachable.
	Err error
}

func (e *OpError) Error() string {
	s := fmt.Sprintf("%s %s: %v", e.Op, e.Addr, e.Err)
	if e.Op == "exchange" {
		s += fmt.Sprintf(" (%d sent in %v)", e.Attempts, e.Elapsed.Round(time.Millisecond))
	}
	return s
}

// Unwrap returns Err.
func (e *OpError) Unwrap() error { return e.Err }

// Timeout reports whether the operation ran out of time: no response arrived within the schedule or the
// context's deadline, or the resolver did not answer.
func (e *OpError) Timeout() bool {
	var t net.Error
	return errors.Is(e.Err, ErrServerDown) || errors.As(e.Err, &t) && t.Timeout()
}

// A causedError is an error with what caused it.
type causedError struct{ err, cause error }

// withCause adds a cause, which may be nil, to an error.
func withCause(err, cause error) error {
	if cause == nil {
		return err
	}
	return &causedError{err, cause}
}

func (e *causedError) Error() string   { return fmt.Sprintf("%v: %v", e.err, e.cause) }
func (e *causedError) Unwrap() []error { return []error{e.err, e.cause} }
