package ohce

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// The errors that a caller may want to tell apart, with errors.Is.
var (
	// ErrServerClosed is what Serve returns after Shutdown or Close, and only then. It is also
	// net.ErrClosed.
	ErrServerClosed error = closedError{}

	// ErrServerDown means that no answer came within the whole schedule of an exchange.
	ErrServerDown = errors.New("server is down")

	// ErrPortUnreachable is the network's word that nobody listens at an address (an ICMP "port
	// unreachable"). It comes together with ErrServerDown, or alone with Client.FailFast.
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
	// Op is "listen", "serve", "dial", "exchange" or "lookup".
	Op string
	// Addr is the address of the operation, as it was given or as it was bound.
	Addr string
	// Attempts is how many datagrams an exchange sent; otherwise 0.
	Attempts int
	// Elapsed is how long an exchange took; otherwise 0.
	Elapsed time.Duration
	// Err is what ended the operation: ErrServerDown, a context's error, an error of the system.
	Err error
	// Cause says more, or is nil: what the network said during an exchange that was down, such as
	// ErrPortUnreachable; ErrAddrInUse of an address that could not be bound. Ask with errors.Is,
	// which looks at both.
	Cause error
}

func (e *OpError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %v", e.Op, e.Addr, e.Err)
	if e.Op == "exchange" {
		fmt.Fprintf(&b, " (%d sent in %v)", e.Attempts, e.Elapsed.Round(time.Millisecond))
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	return b.String()
}

// Unwrap returns Err and, if there is one, Cause.
func (e *OpError) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.Cause}
}

// Timeout reports whether time ran out: no answer within the schedule or the context's deadline, or
// none from the resolver of names.
func (e *OpError) Timeout() bool {
	var t net.Error
	return errors.Is(e.Err, ErrServerDown) || errors.As(e.Err, &t) && t.Timeout()
}
