package ohce

import "sync"

// maxWaiting is the largest number of requests in the queue of a Concurrent handler.
const maxWaiting = 1024

// Concurrent returns a handler that runs up to n calls of h at once, on goroutines other than the
// socket's. Use it for handlers that block. If n is less than 1, it is 1. Up to 1,024 further
// requests wait in a queue. The server drops requests beyond that as DropBusy. Responses are sent
// in the order in which the calls return.
//
// The handler defers each response, which costs a few allocations. A handler that wraps it does not
// see the response, so wrap h instead, as in Concurrent(logged(h), n). Serve waits for the calls of
// h. If there is no server, as in a test, the handler calls h directly.
func Concurrent(h Handler, n int) Handler { return &concurrent{handler: h, limit: max(n, 1)} }

type concurrent struct {
	handler Handler
	limit   int

	mu      sync.Mutex
	running int         // the number of goroutines that run work
	waiting []*Deferred // oldest first
}

func (c *concurrent) ServeUDP(w *ResponseWriter, r *Request) {
	if w.shard == nil {
		c.handler.ServeUDP(w, r)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	busy := c.running == c.limit
	if busy && len(c.waiting) >= maxWaiting {
		w.drop = DropBusy
		return
	}
	d := w.Defer(r)
	w.shard.open.startHandler()
	if busy {
		c.waiting = append(c.waiting, d)
		return
	}
	c.running++
	go c.work(d) // ends when the queue is empty; Serve waits for each call of the handler
}

// work serves d and then the queued requests. If the handler calls runtime.Goexit, work continues
// on a new goroutine.
func (c *concurrent) work(d *Deferred) {
	done := false
	defer func() {
		if done {
			return
		}
		if next := c.next(); next != nil {
			go c.work(next) // see ServeUDP
		}
	}()
	for ; d != nil; d = c.next() {
		d.serve(c.handler)
	}
	done = true
}

// next returns the oldest request in the queue. If there is none, it returns nil, and the calling
// goroutine must end.
func (c *concurrent) next() *Deferred {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.waiting = nil
		c.running--
		return nil
	}
	d := c.waiting[0]
	c.waiting[0] = nil
	c.waiting = c.waiting[1:]
	return d
}
