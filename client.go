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

// The limits that apply to a Client whose fields are zero.
const (
	defaultMaxInFlight = 4096
	defaultMaxSockets  = 256
	defaultMaxBytes    = 64 << 20
	defaultPatience    = 10 * time.Second
)

// A Client sends requests over UDP and waits for their responses. The zero value is ready to use:
// it sends to DefaultAddr and retransmits on the schedule of LinearRetry. A Client is safe for
// concurrent use. Its exported fields must not be changed while an exchange is in progress.
//
// Each call to Exchange opens a connected socket, so the kernel drops datagrams from other
// addresses. When the exchange ends, the socket stays open for Linger to count late responses.
// After the socket is closed, the client does not use its port again for ten seconds or for the
// next 8,192 exchanges, whichever is less. This makes it unlikely that a late response reaches a
// new request. If the system offers no other port, the client uses it again.
type Client struct {
	// Addr is the server's address, "host:port". If empty, it is DefaultAddr. The client resolves a
	// host name for each new socket and uses the first address that a socket can be connected to.
	Addr string

	// Retry is the schedule of attempts. The zero value is the schedule of LinearRetry.
	Retry Retry

	// Match finds the request of each response. If nil, the first datagram that arrives on a
	// request's socket is its response. With Match set, the requests of a Stream share a socket.
	// The client counts a datagram that matches no request as Unexpected and does not deliver it.
	Match *Matcher

	// FailFast ends an exchange with ErrPortUnreachable as soon as an ICMP port unreachable message
	// arrives. If false, the exchange continues to the end of its schedule, because the server may
	// be restarting.
	FailFast bool

	// BufferSize is the length in bytes of the longest response that the client accepts. A longer
	// one is counted as Oversize and not delivered. If zero, it is 65,535. A negative or larger
	// value is an error.
	BufferSize int

	// MaxInFlight limits the number of requests that a Stream has in flight. The number adapts to
	// the network, up to this limit. If zero, it is 4,096. If larger than 65,536, it is 65,536. A
	// negative value is an error.
	MaxInFlight int

	// MaxSockets limits the number of sockets that a Stream opens. Without Match, each request in
	// flight has a socket of its own. With Match, requests share one socket, and a request whose
	// key is in use there gets another socket. Lingering sockets do not count. If the system runs
	// out of descriptors, the stream uses fewer sockets. If zero, it is 256. A negative value is an
	// error.
	MaxSockets int

	// MaxBytes limits the memory in bytes that a Stream uses for requests, responses and their
	// records. Finished requests count until their results are yielded. If zero, it is 64 MiB. A
	// negative value is an error.
	MaxBytes int

	// Patience is how long a Stream waits for a server that answered before and then stops
	// answering, counted from the last response. A server counts as silent when it has answered
	// none of the last eight requests, or none of the last MaxInFlight if that is less. While the
	// server is silent, the stream keeps the requests whose schedules are exhausted and sends one
	// request at a time. It continues when the server answers again. If zero, it is 10 s. If
	// negative, each request fails at the end of its schedule.
	Patience time.Duration

	// OpenLoop makes a Stream send each request as soon as the iterator yields it, and in this
	// order, for measurements at a rate that the iterator determines. Only MaxInFlight, MaxSockets
	// and MaxBytes limit the requests in flight. The stream does not adapt to the network or to a
	// silent server, and Patience has no effect. Do not use it on a network that others share.
	OpenLoop bool

	// Linger is how long a socket stays open after its exchange to count late and duplicate
	// responses. If zero, it is 2 s. If negative, the socket is closed at once. At most 64 sockets
	// linger; the client closes the oldest first.
	Linger time.Duration

	// Trace, if non-nil, receives an event for each step of an exchange.
	Trace *ClientTrace

	// Dial opens a connected socket. network is "udp", and address is Addr or DefaultAddr. The
	// connection must preserve datagram boundaries. If nil, the client connects as
	// net.Dialer.DialContext does and makes the socket's buffers large enough for the largest
	// datagram.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	exchanges     atomic.Uint64
	counters      exchange.Counters
	kernelDropped atomic.Uint64
	quarantine    portQuarantine
	late          lateReaders
	estimators    estimators
	buffers       sync.Pool // *[]byte of bufferSize()
}

// A Response is a server's response to a request.
type Response struct {
	// Data is the content of the datagram. It belongs to the caller and is never nil.
	Data []byte
	// RTT is the round-trip time, from just before the last attempt to the response. It is exact if
	// there was one attempt. After several, the response may belong to an earlier attempt, and the
	// true round-trip time can be as long as Elapsed (RFC 6298, section 3).
	RTT time.Duration
	// ReceiveDelay is the time from the arrival of the datagram at this system, by the kernel's clock,
	// to its read. It is part of RTT. It is 0 if unknown: only Linux reports it, and only with
	// Client.OpenLoop and Client.Match.
	ReceiveDelay time.Duration
	// Elapsed is the time from the first attempt to the response.
	Elapsed time.Duration
	// Attempts is the number of datagrams sent.
	Attempts int
	// RemoteAddr and LocalAddr are the addresses of the socket. They are zero if it is not an IP
	// socket.
	RemoteAddr, LocalAddr netip.AddrPort
}

// Exchange sends request and retransmits it until a response arrives or the retry schedule is
// exhausted. It returns immediately when ctx is done. If the error is not nil, the response is nil.
//
// If a field of c is invalid, Exchange returns an error before it sends anything. Any other error
// is an *OpError that wraps one of
//
//   - ErrServerDown, if no response arrived; it is wrapped together with ErrPortUnreachable if
//     an ICMP port unreachable message arrived;
//   - ErrPortUnreachable alone, if FailFast is set;
//   - ErrTooLarge, if request is longer than a datagram can be;
//   - the error of ctx, if ctx is done;
//   - the error of the socket, if it failed;
//   - the reason why no socket could be opened; Op is then "dial".
//
// The caller must not modify request until Exchange returns. Exchange does not retain it.
func (c *Client) Exchange(ctx context.Context, request []byte) (*Response, error) {
	return c.exchange(ctx, request, c.FailFast)
}

// check returns an error for the first field with an invalid value.
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

// Close closes the lingering sockets and waits until their goroutines have ended. Datagrams that
// they have not read are not counted. Close must not be called while an exchange is in progress.
// The client can be used again afterwards.
func (c *Client) Close() error {
	c.late.close()
	return nil
}

func (c *Client) addr() string { return cmp.Or(c.Addr, DefaultAddr) }

// bufferSize returns the length of a read buffer. It is one byte more than the longest accepted
// response, so that the client notices a longer one.
func (c *Client) bufferSize() int { return cmp.Or(c.BufferSize, maxBuffer) + 1 }

func (c *Client) buffer() *[]byte {
	if b, ok := c.buffers.Get().(*[]byte); ok && len(*b) == c.bufferSize() {
		return b
	}
	b := make([]byte, c.bufferSize())
	return &b
}

// config returns the configuration that the machines of Exchange and Stream share.
func (c *Client) config(failFast bool) exchange.Config {
	return exchange.Config{
		Schedule: c.Retry.schedule(), Match: c.Match.internal(), FailFast: failFast,
		MaxResponse: c.bufferSize() - 1, Counters: &c.counters, Observe: c.observer(),
	}
}

// dial opens a socket on a port where no late response can arrive.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	return c.quarantine.dial(func() (net.Conn, error) {
		if c.Dial != nil {
			return c.Dial(ctx, "udp", c.addr())
		}
		return udp.Dial(ctx, c.addr())
	})
}

// socketOf returns the description of a connected socket for a machine.
func (c *Client) socketOf(conn net.Conn) *exchange.Socket {
	s := &exchange.Socket{Local: ipAddr(conn.LocalAddr()), Remote: ipAddr(conn.RemoteAddr())}
	s.MaxRequest = maxDatagram(s.Remote.Addr())
	s.RTT = c.estimators.of(s.Remote)
	return s
}

// response returns the Response of an answered request.
func response(r *exchange.Request) *Response {
	return &Response{
		Data: r.Response, RTT: r.RTT, Elapsed: r.Elapsed, Attempts: r.Transmitted,
		ReceiveDelay: r.ReceiveDelay, RemoteAddr: r.Socket.Remote, LocalAddr: r.Socket.Local,
	}
}

// errorOf returns the error of a request that was not answered.
func (c *Client) errorOf(r *exchange.Request) error {
	op := &OpError{
		Op: "exchange", Addr: c.addr(), Attempts: r.Transmitted, Elapsed: r.Elapsed,
		Unexpected: r.Unexpected,
	}
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
			op.Err = &noRightResponse{r.Unexpected}
		}
	}
	return op
}

// interrupted returns the error of a request whose exchange was interrupted by err.
func (c *Client) interrupted(err error, r *exchange.Request) error {
	return &OpError{
		Op: "exchange", Addr: c.addr(), Attempts: r.Transmitted, Elapsed: r.Elapsed,
		Err: withCause(err, r.Cause),
	}
}

// ipAddr returns a as an AddrPort, or the zero AddrPort if a is not an IP address with a port.
func ipAddr(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
