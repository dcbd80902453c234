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
	conn    net.Conn // nil before it has been opened
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

// run drives the machine until the exchange has ended. An error means that it was interrupted.
func (x *singleExchange) run(ctx context.Context) (err error) {
	defer x.close()
	defer func() { x.m.Abort(time.Now()) }() // if it was
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

// open opens the socket. An error means that ctx is done.
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

// wakeWith makes a read return at once when ctx is done. The function that it returns undoes that:
// after it nothing else sets the deadline.
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

// sendOne writes a request to a socket and reports the result to the machine.
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

// lateWake is by how much the loop may wake up after the time it asked for before it looks for
// datagrams that arrived in time.
const lateWake = time.Millisecond

// receive waits until something arrives or until wake, and passes it to the machine. An error ends
// the exchange.
func (x *singleExchange) receive(ctx context.Context, wake time.Time) error {
	err := x.read(ctx, wake)
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil && time.Since(wake) > lateWake {
		// This goroutine was not scheduled for a while. A read whose deadline has passed does not
		// look at the socket, so look again: the response may have arrived in time.
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
	if err := ctx.Err(); err != nil { // the deadline may have replaced that of wakeWith
		return err
	}
	n, err := x.conn.Read(*x.buf)
	if err != nil && !udp.TooLong(err) {
		return err
	}
	x.m.Received(time.Now(), x.port, (*x.buf)[:n], err != nil || n == len(*x.buf))
	return nil
}

// close leaves the socket open for late responses.
func (x *singleExchange) close() {
	if x.conn != nil {
		late := &lateReader{
			c: x.c, conn: x.conn, buf: x.buf, request: lateCopy(x.request), observe: x.c.observer(),
		}
		late.start()
	}
}
