package ohce

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// A singleExchange drives a machine for one request on one socket.
type singleExchange struct {
	c       *Client
	m       *exchange.Machine
	request *exchange.Request
	conn    net.Conn // nil until opened
	port    exchange.Port
	buf     *[]byte
}

func (c *Client) exchange(ctx context.Context, request []byte, failFast bool) (*Response, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	x := &singleExchange{c: c, m: exchange.New(c.config(failFast))}
	x.request = x.m.Submit(c.exchanges.Add(1), request)
	err := x.run(ctx)
	switch {
	case err != nil:
		return nil, c.interrupted(err, x.request)
	case x.request.Outcome != exchange.Answered:
		return nil, c.errorOf(x.request)
	default:
		return response(x.request), nil
	}
}

// run drives the machine until the exchange ends. It returns an error if the exchange is
// interrupted.
func (x *singleExchange) run(ctx context.Context) (err error) {
	defer x.close()
	defer func() { x.m.Abort(time.Now()) }() // has no effect on a finished exchange
	if err := ctx.Err(); err != nil {
		return err
	}
	stop := func() {}
	defer func() { stop() }()
	for x.request.Outcome == exchange.Pending {
		now := time.Now()
		x.m.Expire(now)
		step := x.m.Next(now)
		if len(step.Open) > 0 {
			if err := x.open(ctx, step.Open[0]); err != nil {
				return err
			}
			stop = x.wakeWith(ctx)
			continue
		}
		for _, r := range step.Send {
			sendOne(x.m, x.conn, r)
		}
		if x.request.Outcome != exchange.Pending {
			break
		}
		if err := x.receive(ctx, step.Wake); err != nil {
			return err
		}
	}
	return nil
}

// open opens the socket. It returns an error if ctx is done. A failed dial is reported to the
// machine.
func (x *singleExchange) open(ctx context.Context, port exchange.Port) error {
	conn, err := x.c.dial(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		x.m.Failed(time.Now(), port, err, false)
		return nil
	}
	x.conn, x.port, x.buf = conn, port, x.c.buffer()
	x.m.Opened(port, x.c.socketOf(conn))
	return nil
}

// wakeWith makes a blocked read return when ctx is done. The returned function cancels that. After
// it returns, no other goroutine sets the read deadline.
func (x *singleExchange) wakeWith(ctx context.Context) func() {
	if x.conn == nil {
		return func() {}
	}
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

// sendOne writes a request to a socket and reports the result to the machine. It repeats a write that
// failed with the ICMP error of an earlier datagram, as udp.Resend does.
func sendOne(m *exchange.Machine, conn net.Conn, r *exchange.Request) {
	write := func() error {
		_, err := conn.Write(r.Data)
		return err
	}
	reports, err := udp.Resend(write(), write)
	now := time.Now()
	for range reports {
		m.Unreachable(now, r.Port, ErrPortUnreachable)
	}
	m.Sent(now, r, err, udp.TooLong(err))
}

// lateWake is the largest delay of a wake-up after which the loop does not read the socket again.
// After a longer delay, datagrams may have arrived in time without being read.
const lateWake = time.Millisecond

// receive waits until wake for a datagram and passes it to the machine. It returns an error if the
// exchange cannot continue.
func (x *singleExchange) receive(ctx context.Context, wake time.Time) error {
	err := x.read(ctx, wake)
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil && time.Since(wake) > lateWake {
		// The goroutine was not scheduled in time. A read whose deadline has passed fails without
		// looking at the socket, where a response may be queued. Read once more.
		err = x.read(ctx, time.Now().Add(lateWake))
	}
	now := time.Now()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case udp.Refused(err):
		x.m.Unreachable(now, x.port, ErrPortUnreachable)
		return nil
	case udp.Transient(err):
		x.m.ReadFailed(now, x.port, err)
		return nil
	default:
		return err
	}
}

// read reads one datagram and passes it to the machine.
func (x *singleExchange) read(ctx context.Context, deadline time.Time) error {
	if err := x.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // SetReadDeadline may have overwritten the one that wakeWith set
		return err
	}
	n, err := x.conn.Read(*x.buf)
	if err != nil && !udp.TooLong(err) {
		return err
	}
	x.m.Received(time.Now(), x.port, (*x.buf)[:n], err != nil || n == len(*x.buf))
	return nil
}

// close hands the socket to a late reader.
func (x *singleExchange) close() {
	if x.conn != nil {
		late := &lateReader{
			c: x.c, conn: x.conn, buf: x.buf, request: lateCopy(x.request), observe: x.c.observer(),
		}
		late.start()
	}
}
