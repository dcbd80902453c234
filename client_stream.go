package ohce

import (
	"context"
	"errors"
	"iter"
	"time"
)

// streamSockets is how many exchanges of a Stream are under way at once where each of them has a socket
// of its own.
const streamSockets = 16

// Stream sends each of requests and yields what Exchange would return for it, in the order of the
// requests, while those that follow are under way already.
//
// With Expect, all exchanges share one socket: each answer finds its request by what it says, and of
// requests that have the same answer any takes it. They travel in batches, and where the system can,
// in runs. How many are under way at once follows the network: as many as fill it, without queues of
// more than some milliseconds. Answers that come a second time are counted while the stream lasts. Without
// Expect each exchange has a socket of its own, and 16 are under way.
//
// Where the loop over the stream is busy for long, that time is in the round trips of the answers that
// came meanwhile.
//
// requests is ranged over on another goroutine; what it yields is copied, and need not be kept. It is
// asked ahead of the answers. Where the loop over the stream ends early, requests may still be busy
// with its next value, and is told when it yields it.
//
// An error belongs to one request, and the stream goes on with the next one. When eight exchanges have
// ended as down and no answer has come since the first of them began, the requests of the second after
// that are not tried but down as well, so that a long stream does not wait for the whole schedule over
// and over. Only when ctx ends, the
// socket cannot be had or a field has a bad value there is one last error, whatever was left.
func (c *Client) Stream(ctx context.Context, requests iter.Seq[[]byte]) iter.Seq2[*Response, error] {
	return c.stream(ctx, requests, c.FailFast)
}

func (c *Client) stream(ctx context.Context, requests iter.Seq[[]byte], failFast bool) iter.Seq2[*Response, error] {
	return func(yield func(*Response, error) bool) {
		if c.Expect == nil {
			c.streamSockets(ctx, requests, failFast, yield)
			return
		}
		p, err := c.newPipeline(ctx, failFast)
		if err != nil {
			yield(nil, err)
			return
		}
		defer p.close()
		p.run(ctx, requests, yield)
	}
}

// streamSockets makes an exchange of its own of each request.
func (c *Client) streamSockets(ctx context.Context, requests iter.Seq[[]byte], failFast bool,
	yield func(*Response, error) bool) {
	type result struct {
		resp *Response
		err  error
	}
	if err := c.check(); err != nil {
		yield(nil, err)
		return
	}
	var exchanges crew
	defer exchanges.dismiss()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()                                     // so that all of them end
	results := make(chan chan result, streamSockets-1) // and one that is waited for
	var breaker breaker
	// Ends with requests, or at the first of them after the loop has ended.
	go func() {
		defer close(results)
		for request := range requests {
			request = append([]byte{}, request...)
			r := make(chan result, 1)
			select {
			case results <- r:
			case <-ctx.Done():
				return
			}
			number := c.exchanges.Add(1) // here, so that they follow the requests
			if !exchanges.start(func() { // ends with the exchange, which ctx ends
				resp, err := c.exchangeUnless(&breaker, ctx, request, number, failFast)
				r <- result{resp, err}
			}) {
				c.tally.failed.Add(1)
				return
			}
		}
	}()
	for {
		select {
		case r, more := <-results:
			if !more {
				return
			}
			got := <-r
			over := ctx.Err() != nil && got.err != nil
			if !yield(got.resp, got.err) || over {
				return
			}
		case <-ctx.Done(): // while requests keeps everybody waiting
			yield(nil, &OpError{Op: "exchange", Addr: c.addr(), Err: ctx.Err()})
			return
		}
	}
}

// exchangeUnless makes an exchange unless the stream's breaker holds.
func (c *Client) exchangeUnless(b *breaker, ctx context.Context, request []byte, number uint64,
	failFast bool) (*Response, error) {
	if b.holds(time.Now()) {
		c.tally.down.Add(1)
		return nil, &OpError{Op: "exchange", Addr: c.addr(), Err: ErrServerDown, Cause: errNotTried}
	}
	begun := time.Now()
	resp, err := c.numbered(ctx, request, number, failFast)
	switch {
	case err == nil:
		b.answered(time.Now())
	case errors.Is(err, ErrServerDown):
		b.down(begun, time.Now())
	}
	return resp, err
}
