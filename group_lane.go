package ohce

import (
	"context"
	"iter"
	"sync"
	"time"
)

// An ask is a request on its way through the lanes of a Group's stream.
type ask struct {
	request []byte
	first   int // the server that was asked first
	tried   int // servers that were asked
	racing  int // lanes that have it at once, where it is in more than one
	failed  failures
	resp    *Response
	err     error
}

func (a *ask) done() bool { return a.resp != nil || a.err != nil }

// A lane is the stream of one client: asks come in, and go out in the same order with their outcome.
type lane struct {
	member  int // the client's index
	patient bool

	mu     sync.Mutex
	some   sync.Cond // on mu: something to send, or closed
	asks   queue[*ask]
	flying queue[*ask] // taken by the stream
	closed bool
	broken error     // the stream has ended before its time
	since  time.Time // when it has
}

// mend is how long a lane that broke is left alone: its server may have no route for the moment.
const mend = time.Second

// worn reports whether a lane has been broken for so long that a new one is worth a try.
func (l *lane) worn() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken != nil && time.Since(l.since) > mend
}

// An outcome is what a lane says of an ask.
type outcome struct {
	lane *lane
	ask  *ask
	resp *Response
	err  error
}

func newLane(member int, patient bool) *lane {
	l := &lane{member: member, patient: patient}
	l.some.L = &l.mu
	return l
}

// put queues an ask, or says why none is taken any more.
func (l *lane) put(a *ask) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	l.asks.push(a)
	l.some.Signal()
	return nil
}

// close ends the lane behind what is queued.
func (l *lane) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.some.Signal()
}

// requests are those of the asks, as they come.
func (l *lane) requests() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			a := l.take()
			if a == nil || !yield(a.request) {
				return
			}
		}
	}
}

// take waits for the next ask; nil is the end.
func (l *lane) take() *ask {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.asks.len() == 0 && !l.closed {
		l.some.Wait()
	}
	if l.asks.len() == 0 || l.broken != nil {
		return nil
	}
	a := l.asks.first()
	l.asks.pop()
	l.flying.push(a)
	return a
}

// landed is the ask that the stream's next outcome is for; nil where it has taken none.
func (l *lane) landed() *ask {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flying.len() == 0 {
		return nil
	}
	a := l.flying.first()
	l.flying.pop()
	return a
}

// run tells the outcome of each ask until the lane is closed or its stream breaks.
func (l *lane) run(ctx context.Context, c *Client, outcomes chan<- outcome) {
	var last error
	for resp, err := range c.stream(ctx, l.requests(), !l.patient) {
		last = err
		if a := l.landed(); a != nil {
			outcomes <- outcome{l, a, resp, err}
		}
	}
	for _, a := range l.breakOff(last) {
		outcomes <- outcome{l, a, nil, last}
	}
}

// breakOff takes no more asks, and returns those that the stream has left.
func (l *lane) breakOff(err error) (left []*ask) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		err = context.Canceled // it was closed: nobody puts anything any more
	}
	l.broken, l.since, l.closed = err, time.Now(), true
	l.some.Broadcast()
	for _, q := range []*queue[*ask]{&l.flying, &l.asks} {
		for a := range q.all() {
			left = append(left, a)
		}
		*q = queue[*ask]{}
	}
	return left
}
