package ohce

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// The limits of a Client whose fields are zero.
const (
	defaultMaxInFlight = 4096
	defaultMaxSockets  = 256
	defaultMaxBytes    = 64 << 20
	defaultPatience    = 10 * time.Second
)

// A Client sends requests and waits for their responses. Its zero value sends to DefaultAddr on the
// default schedule. The exported fields must not be changed while an exchange is in progress. A Client
// may be used by any number of goroutines.
//
// Each call of Exchange uses a connected socket of its own, so the kernel drops datagrams from other
// addresses. When the exchange ends, the socket stays open for Linger to count late responses. After
// that its port is not used again by this client for ten seconds, or for the next 8,192 exchanges,
// whichever is less, so a late response does not reach a new request.
type Client struct {
	// Addr is the server's "host:port". "" means DefaultAddr. A host name is resolved anew for each
	// socket, and the first of its addresses that a socket can be connected to is used.
	Addr string

	// Retry is the schedule of attempts. The zero value is that of LinearRetry.
	Retry Retry

	// Match finds the request that a response belongs to. A datagram that belongs to none is counted as
	// Unexpected and never delivered. With Match set, the requests of a Stream share a socket. nil
	// accepts the first datagram that arrives on the socket of a request as its response.
	Match *Matcher

	// FailFast ends an exchange with ErrPortUnreachable as soon as an ICMP port unreachable message
	// arrives. Otherwise the exchange uses its whole schedule, because the server may be restarting.
	FailFast bool

	// BufferSize is the length in bytes of the longest response that is accepted. A longer one is
	// counted as Oversize and not delivered. 0 means 65,535; negative or larger values are an error.
	BufferSize int

	// MaxInFlight limits the requests of a Stream that are in flight. The window adapts to the network,
	// up to this limit. 0 means 4,096; more than 65,536 means 65,536; negative is an error.
	MaxInFlight int

	// MaxSockets limits the sockets of a Stream: without Match each request in flight has one of its
	// own, and with Match those requests have that no other socket can take. Sockets that linger are not
	// counted. If the system runs out of descriptors, fewer are used. 0 means 256; negative is an error.
	MaxSockets int

	// MaxBytes limits the bytes of requests and responses that a Stream holds, with their records,
	// while it waits for the response to an earlier request. 0 means 64 MiB; negative is an error.
	MaxBytes int

	// Patience is how long a Stream waits for a server that answered before and then falls silent. It
	// counts from the last response. During that time the stream keeps the requests whose schedule is
	// over, sends one request at a time, and continues when the server answers again. A server has
	// fallen silent if it has answered none of the last eight requests, or of the last MaxInFlight if
	// that is less. 0 means 10 s. If negative, requests are given up at the end of their schedules.
	Patience time.Duration

	// Linger is how long a socket stays open after its exchange to count late and duplicate responses.
	// 0 means 2 s; negative means not at all. At most 64 sockets linger; the oldest is closed first.
	Linger time.Duration

	// Trace, if non-nil, receives an event for each step of an exchange.
	Trace *ClientTrace

	// Dial opens a socket: network is "udp", address is Addr. nil does what net.Dialer.DialContext does,
	// with room for the largest datagrams. The connection must keep datagram boundaries.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	exchanges  atomic.Uint64
	counters   exchange.Counters
	quarantine portQuarantine
	late       lateReaders
	estimators estimators
	buffers    sync.Pool // *[]byte of bufferSize()
}

// A Response is the response to a request.
type Response struct {
	// Data is the datagram's content. It belongs to the caller and is never nil.
	Data []byte
	// RTT is the round-trip time: from just before the last attempt to the response. After one attempt
	// it is exact. After several the response may answer an earlier one, and the true time may be as
	// long as Elapsed (Karn's ambiguity, RFC 6298, section 3).
	RTT time.Duration
	// Elapsed is the time from the first attempt to the response.
	Elapsed time.Duration
	// Attempts is the number of datagrams sent.
	Attempts int
	// RemoteAddr and LocalAddr are the addresses of the socket, zero if it is not an IP socket.
	RemoteAddr, LocalAddr netip.AddrPort
}

// Exchange sends request and retransmits it until a response arrives or the retry schedule is exhausted.
// It returns immediately when ctx is done.
//
// An error about a field is reported before anything is sent. Any other error is an *OpError: for
// ErrServerDown, which also wraps ErrPortUnreachable if an ICMP message said so; for ErrTooLarge; for
// the context's error; for the error of a socket that failed; or with Op "dial" for the reason why no
// socket could be opened.
//
// The caller must not change request until Exchange returns. Exchange does not keep it.
func (c *Client) Exchange(ctx context.Context, request []byte) (*Response, error) {
	return c.exchange(ctx, request, c.FailFast)
}

// check reports the first field with an invalid value.
func (c *Client) check() error {
	if c.BufferSize < 0 || c.BufferSize > maxBuffer {
		return fmt.Errorf("ohce: Client.BufferSize is %d, want 0 to %d", c.BufferSize, maxBuffer)
	}
	for _, f := range []struct {
		name  string
		value int
	}{
		{"MaxInFlight", c.MaxInFlight}, {"MaxSockets", c.MaxSockets}, {"MaxBytes", c.MaxBytes},
	} {
		if f.value < 0 {
			return fmt.Errorf("ohce: Client.%s is %d, want at least 0", f.name, f.value)
		}
	}
	return c.Match.check()
}

// Close closes the sockets that linger and waits for that. Datagrams that are queued on them are not
// counted any more. No exchange may be in progress. The client may be used again afterwards.
func (c *Client) Close() error {
	c.late.close()
	return nil
}

func (c *Client) addr() string { return cmp.Or(c.Addr, DefaultAddr) }

// bufferSize is the length of a read buffer: one byte more than the longest response, so that a longer
// one is noticed.
func (c *Client) bufferSize() int { return cmp.Or(c.BufferSize, maxBuffer) + 1 }

func (c *Client) buffer() *[]byte {
	if b, ok := c.buffers.Get().(*[]byte); ok && len(*b) == c.bufferSize() {
		return b
	}
	b := make([]byte, c.bufferSize())
	return &b
}

// config is the configuration that the machines of Exchange and Stream share.
func (c *Client) config(failFast bool) exchange.Config {
	return exchange.Config{
		Schedule: c.Retry.schedule(), Match: c.Match.internal(), FailFast: failFast,
		MaxResponse: c.bufferSize() - 1, Counters: &c.counters, Observe: c.observer(),
	}
}

// dial opens a socket on a port on which no late response can arrive.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	return c.quarantine.dial(func() (net.Conn, error) {
		if c.Dial != nil {
			return c.Dial(ctx, "udp", c.addr())
		}
		return udp.Dial(ctx, c.addr())
	})
}

// socketOf describes a connected socket to a machine.
func (c *Client) socketOf(conn net.Conn) *exchange.Socket {
	s := &exchange.Socket{Local: ipAddr(conn.LocalAddr()), Remote: ipAddr(conn.RemoteAddr())}
	s.MaxRequest = maxDatagram(s.Remote.Addr())
	s.RTT = c.estimators.of(s.Remote)
	return s
}

// response makes a Response of an answered request.
func response(r *exchange.Request) *Response {
	return &Response{
		Data: r.Response, RTT: r.RTT, Elapsed: r.Elapsed, Attempts: r.Transmitted,
		RemoteAddr: r.Socket.Remote, LocalAddr: r.Socket.Local,
	}
}

// errorOf makes an error of a request that was not answered.
func (c *Client) errorOf(r *exchange.Request) error {
	op := &OpError{Op: "exchange", Addr: c.addr(), Attempts: r.Transmitted, Elapsed: r.Elapsed}
	switch r.Outcome {
	case exchange.NoSocket:
		op.Err = r.Cause
		if r.Begun.IsZero() {
			op.Op = "dial"
		}
	case exchange.TooLong:
		op.Err = withCause(fmt.Errorf("request of %d bytes: %w", len(r.Data), ErrTooLarge), r.Cause)
	case exchange.Unreachable:
		op.Err = ErrPortUnreachable
	default:
		op.Err = withCause(ErrServerDown, r.Cause)
		if r.Cause == nil && r.Unexpected > 0 {
			op.Err = withCause(ErrServerDown,
				fmt.Errorf("datagrams that are not the expected response: %d", r.Unexpected))
		}
	}
	return op
}

// interrupted makes the error of a request whose exchange err has interrupted.
func (c *Client) interrupted(err error, r *exchange.Request) error {
	return &OpError{
		Op: "exchange", Addr: c.addr(), Attempts: r.Transmitted, Elapsed: r.Elapsed,
		Err: withCause(err, r.Cause),
	}
}

// ipAddr is the zero AddrPort if a is not an IP address with a port.
func ipAddr(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
