package ohce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// An exchange is one request and all that is done to get its answer:
//
//	run → open → attempt (→ send → await) … → linger
type exchange struct {
	c        *Client
	request  []byte
	failFast bool
	number   uint64
	start    time.Time

	conn       net.Conn
	buf        *[]byte
	want       []byte // the answer that Expect says, where it is set
	trace      TraceAttempt
	server     *estimator
	plan       plan
	sent       time.Time // when the last attempt began
	attempts   int       // datagrams handed to the kernel
	answer     []byte    // the response's content, once there is one
	cause      error     // what the network said last
	unexpected int       // datagrams that were not the answer
	down       bool
}

// run goes through the schedule. Whatever ends it, the socket lingers.
func (x *exchange) run(ctx context.Context) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, x.fail(err)
	}
	if err := x.open(ctx); err != nil {
		return nil, &OpError{Op: "dial", Addr: x.c.addr(), Err: err}
	}
	defer x.close()
	if len(x.request) > x.longest() {
		return nil, x.fail(fmt.Errorf("request of %d bytes: %w", len(x.request), ErrTooLarge))
	}
	if x.c.Expect != nil {
		x.want = x.c.Expect(nil, x.request)
	}
	defer x.wakeWith(ctx)()
	for n := 1; ; n++ {
		wait, more := x.plan.wait(n, time.Since(x.start))
		if !more {
			break
		}
		resp, err := x.attempt(ctx, n, wait)
		if resp != nil || err != nil {
			return resp, err
		}
	}
	x.down = true
	if x.cause == nil && x.unexpected > 0 {
		x.cause = fmt.Errorf("other datagrams than the expected answer came: %d", x.unexpected)
	}
	return nil, x.fail(ErrServerDown)
}

// wakeWith makes a read return at once when ctx ends; await looks at ctx after setting a deadline of
// its own. The function that it returns undoes that: after it the deadline is nobody else's.
func (x *exchange) wakeWith(ctx context.Context) func() {
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(woken)
		x.conn.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-woken
		}
	}
}

// open connects a socket whose port no late answer can be under way to.
func (x *exchange) open(ctx context.Context) error {
	conn, err := x.c.linger.fresh(func() (net.Conn, error) { return x.c.dial(ctx) })
	if err != nil {
		return err
	}
	x.conn = conn
	x.buf = x.c.buffer()
	x.trace = TraceAttempt{
		Exchange: x.number, Request: x.request, Attempts: x.c.Retry.Attempts(),
	}
	x.trace.Local, x.trace.Remote = ipAddr(conn.LocalAddr()), ipAddr(conn.RemoteAddr())
	x.server = x.c.servers.of(x.trace.Remote)
	x.plan = plan{retry: x.c.Retry, jitter: jitter()}
	x.plan.rto, x.plan.srtt = x.server.timeout()
	x.start = time.Now()
	return nil
}

// longest is the length of the longest request that the socket's protocol carries.
func (x *exchange) longest() int { return maxDatagram(x.trace.Remote.Addr()) }

// attempt sends the request and waits for its answer. Neither a response nor an error means that the
// next attempt is due.
func (x *exchange) attempt(ctx context.Context, n int, wait time.Duration) (*Response, error) {
	x.trace.Attempt, x.trace.Wait = n, wait
	if err := x.send(); err != nil {
		return nil, x.fail(err)
	}
	resp, err := x.await(ctx, x.sent.Add(x.trace.Wait))
	if resp == nil && err == nil && x.c.Trace != nil && x.c.Trace.AttemptTimedOut != nil {
		x.c.Trace.AttemptTimedOut(x.now())
	}
	return resp, err
}

// send hands the request to the kernel. What the kernel refuses counts as lost on the way, unless
// no later attempt can fare better.
func (x *exchange) send() error {
	err := x.write()
	if refused(err) {
		// The word is about an earlier attempt; this one was not sent (Linux: udp(7), ERRORS).
		if err := x.refused(); err != nil {
			return err
		}
		err = x.write()
	}
	a := x.now()
	a.Err = err
	if err != nil {
		x.c.tally.unsent.Add(1)
		x.cause = err
	} else {
		x.attempts++
		x.c.tally.attempts.Add(1)
	}
	if t := x.c.Trace; t != nil && t.AttemptSent != nil {
		t.AttemptSent(a)
	}
	if udp.TooLong(err) {
		return ErrTooLarge
	}
	return nil
}

func (x *exchange) write() error {
	x.sent = time.Now() // before the call: on a busy machine the answer can be there when it returns
	_, err := x.conn.Write(x.request)
	return err
}

// await reads until the answer comes (a response), the deadline passes (nil, nil) or the exchange is
// over (an error).
func (x *exchange) await(ctx context.Context, deadline time.Time) (*Response, error) {
	if err := x.conn.SetReadDeadline(deadline); err != nil {
		return nil, x.fail(err)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, x.fail(err)
		}
		n, err := x.conn.Read(*x.buf)
		switch {
		case err == nil || udp.TooLong(err):
			if resp := x.take((*x.buf)[:n], err != nil); resp != nil {
				return resp, nil
			}
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
			return nil, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, x.fail(ctx.Err())
		case refused(err):
			if err := x.refused(); err != nil {
				return nil, x.fail(err)
			}
		case udp.Transient(err):
			x.cause = err
		default:
			return nil, x.fail(err)
		}
	}
}

// take judges a datagram and makes it the response, or counts it.
func (x *exchange) take(data []byte, cut bool) *Response {
	now := time.Now()
	switch {
	case cut || len(data) == len(*x.buf):
		x.c.ignore(x.c.Trace, x.now(), IgnoreOversize, data)
		return nil
	case x.c.Expect != nil && !bytes.Equal(data, x.want):
		x.unexpected++
		x.c.ignore(x.c.Trace, x.now(), IgnoreUnexpected, data)
		return nil
	}
	x.answer = append([]byte{}, data...)
	resp := &Response{
		Data: x.answer, RTT: now.Sub(x.sent), Elapsed: now.Sub(x.start), Attempts: x.attempts,
		RemoteAddr: x.trace.Remote, LocalAddr: x.trace.Local,
	}
	if x.trace.Attempt == 1 {
		x.server.sample(resp.RTT)
	}
	if t := x.c.Trace; t != nil && t.ResponseAccepted != nil {
		t.ResponseAccepted(x.now(), resp)
	}
	return resp
}

// refused notes that nobody listens there. The error ends the exchange.
func (x *exchange) refused() error {
	x.cause = ErrPortUnreachable
	x.c.tally.unreachable.Add(1)
	if t := x.c.Trace; t != nil && t.PortUnreachable != nil {
		t.PortUnreachable(x.now())
	}
	if x.failFast {
		x.cause = nil // it is the error itself
		return ErrPortUnreachable
	}
	return nil
}

func refused(err error) bool {
	return udp.Refused(err)
}

func (x *exchange) now() TraceAttempt {
	a := x.trace
	a.Elapsed = time.Since(x.start)
	return a
}

func (x *exchange) fail(err error) error {
	return &OpError{
		Op: "exchange", Addr: x.c.addr(), Attempts: x.attempts, Elapsed: time.Since(x.start),
		Err: err, Cause: x.cause,
	}
}

// close lets the socket linger.
func (x *exchange) close() {
	at := x.now()
	at.Request = nil // the caller may change it now
	x.c.linger.add(&remnant{
		c: x.c, trace: x.c.Trace, conn: x.conn, buf: x.buf, at: at, start: x.start,
		answer: bytes.Clone(x.answer), // the caller may change its own
	}, x.c.Linger)
}

// ipAddr is the zero AddrPort where a is not an IP address with a port.
func ipAddr(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := u.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
