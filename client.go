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

	"github.com/ohce/ohce/internal/udp"
)

// A Client sends requests and waits for their answers. Its zero value asks DefaultAddr on the
// schedule of LinearRetry. The exported fields must not be changed while an exchange is under way.
//
// Each exchange that Exchange makes has a connected socket of its own, so the kernel keeps out datagrams from other
// addresses. When the exchange ends, the socket stays open for Linger, to count what comes late; its
// port is not used by this client again for ten seconds after that (nor for the 8,192 exchanges that
// come next, whichever is less), so a late answer does not meet a new request.
type Client struct {
	// Addr is the server's "host:port". "" is DefaultAddr. A host name is resolved anew for each
	// exchange, and the first of its addresses that a socket can be connected to is asked.
	Addr string

	// Retry is the schedule of attempts. Its zero value is LinearRetry.
	Retry Retry

	// Expect appends to dst the answer that a request must get, and returns the result: any other
	// datagram is counted as Unexpected and never delivered. It must not keep or change its
	// arguments. nil takes the first datagram that comes. flip.Append is such a function.
	Expect func(dst, request []byte) []byte

	// FailFast ends an exchange at the network's word that nobody listens there, with
	// ErrPortUnreachable. Otherwise this is noted, and the exchange goes on for its whole schedule,
	// for the server may be about to start again.
	FailFast bool

	// BufferSize is the length in bytes of the longest response that is taken. A longer one is
	// counted as Oversize and not delivered. 0 means 65,535; negative or larger values are an error.
	BufferSize int

	// InFlight is how many exchanges of a Stream are under way at once at most, where they share a
	// socket. 0 means 4,096; negative is an error. How many are within that, the network says.
	InFlight int

	// Linger is how long a socket is kept after its exchange, to count late and duplicate answers.
	// 0 means 2 s, negative not at all. At most 64 sockets linger; the oldest goes first.
	Linger time.Duration

	// Trace is told what happens. nil tells nobody.
	Trace *ClientTrace

	// Dial opens the socket of an exchange: network is "udp", address is Addr. nil does what
	// net.Dialer.DialContext does, with room for the largest datagrams. The connection must keep
	// datagram boundaries.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	exchanges atomic.Uint64
	tally     clientTally
	linger    lingering
	servers   estimators
	buffers   sync.Pool // *[]byte of size()
}

// ClientStats is what a Client has done so far.
type ClientStats struct {
	// Exchanges counts the exchanges begun.
	Exchanges uint64
	// Answered, Down and Failed count those that have ended: with a response, with ErrServerDown, or
	// with another error (a context that ended, a socket that could not be had).
	Answered, Down, Failed uint64
	// Attempts counts the datagrams that were handed to the kernel.
	Attempts uint64
	// Unsent counts those that the kernel refused.
	Unsent uint64
	// PortUnreachable counts how often the network said that nobody listens there.
	PortUnreachable uint64
	// Unexpected, Oversize, Late and Duplicate count the datagrams that were not delivered.
	Unexpected, Oversize, Late, Duplicate uint64
}

type clientTally struct {
	answered, down, failed, attempts, unsent, unreachable atomic.Uint64
	ignored                                               [IgnoreDuplicate + 1]atomic.Uint64
}

// Stats returns what the client has done so far.
func (c *Client) Stats() ClientStats {
	t := &c.tally
	return ClientStats{
		Exchanges: c.exchanges.Load(),
		Answered:  t.answered.Load(), Down: t.down.Load(), Failed: t.failed.Load(),
		Attempts: t.attempts.Load(), Unsent: t.unsent.Load(),
		PortUnreachable: t.unreachable.Load(),
		Unexpected:      t.ignored[IgnoreUnexpected].Load(), Oversize: t.ignored[IgnoreOversize].Load(),
		Late: t.ignored[IgnoreLate].Load(), Duplicate: t.ignored[IgnoreDuplicate].Load(),
	}
}

// A Response is the answer to an exchange.
type Response struct {
	// Data is the datagram's content. It belongs to the caller, and is never nil.
	Data []byte
	// RTT is the round-trip time: from just before the last attempt to the response. With one attempt
	// it is exact. With several the response may answer an earlier one, and the true time may be as
	// long as Elapsed (Karn's ambiguity, RFC 6298, section 3).
	RTT time.Duration
	// Elapsed is the time from the first attempt to the response.
	Elapsed time.Duration
	// Attempts is how many datagrams were sent.
	Attempts int
	// RemoteAddr and LocalAddr are the addresses of the socket, zero where it is not an IP socket.
	RemoteAddr, LocalAddr netip.AddrPort
}

// Exchange sends request until its answer comes or the schedule is over. It returns at once when ctx
// ends. The error, but for one that names a field with a bad value, is an *OpError: ErrServerDown
// after the whole schedule, together with ErrPortUnreachable if the network said so; ErrTooLarge; the
// context's error; or what kept the socket from being opened. request is not kept, and must not be
// changed meanwhile.
func (c *Client) Exchange(ctx context.Context, request []byte) (*Response, error) {
	return c.exchange(ctx, request, c.FailFast)
}

func (c *Client) exchange(ctx context.Context, request []byte, failFast bool) (*Response, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.numbered(ctx, request, c.exchanges.Add(1), failFast)
}

// numbered makes the exchange with the given number.
func (c *Client) numbered(ctx context.Context, request []byte, number uint64, failFast bool) (
	*Response, error) {
	x := &exchange{c: c, request: request, failFast: failFast, number: number, start: time.Now()}
	resp, err := x.run(ctx)
	switch {
	case err == nil:
		c.tally.answered.Add(1)
	case x.down:
		c.tally.down.Add(1)
	default:
		c.tally.failed.Add(1)
	}
	return resp, err
}

// check reports the first field with a bad value.
func (c *Client) check() error {
	switch {
	case c.BufferSize < 0 || c.BufferSize > maxBuffer:
		return fmt.Errorf("ohce: Client.BufferSize is %d, want 0 to %d", c.BufferSize, maxBuffer)
	case c.InFlight < 0:
		return fmt.Errorf("ohce: Client.InFlight is %d, want at least 0", c.InFlight)
	default:
		return nil
	}
}

// Close closes the sockets that linger and waits until they are; what is queued there is not counted
// any more. No exchange may be under way; the client may be used again afterwards.
func (c *Client) Close() error {
	c.linger.close()
	return nil
}

func (c *Client) addr() string { return cmp.Or(c.Addr, DefaultAddr) }

// size is the length of a read buffer: one byte more than the longest response, so that a longer one
// shows.
func (c *Client) size() int { return cmp.Or(c.BufferSize, maxBuffer) + 1 }

func (c *Client) buffer() *[]byte {
	if b, ok := c.buffers.Get().(*[]byte); ok && len(*b) == c.size() {
		return b
	}
	b := make([]byte, c.size())
	return &b
}

// ignore counts a datagram that is not delivered, and tells the trace of its exchange.
func (c *Client) ignore(t *ClientTrace, a TraceAttempt, why IgnoreReason, data []byte) {
	c.tally.ignored[why].Add(1)
	if t != nil && t.DatagramIgnored != nil {
		t.DatagramIgnored(a, why, data)
	}
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	if c.Dial != nil {
		return c.Dial(ctx, "udp", c.addr())
	}
	return udp.Dial(ctx, c.addr())
}
