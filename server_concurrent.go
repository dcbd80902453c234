package ohce

import "sync"

// maxWaiting is the number of requests that a Concurrent handler queues.
const maxWaiting = 1024

// Concurrent returns a handler that runs up to n calls of h at once, on goroutines other than the
// socket's. Use it for handlers that block. If n is below 1, it is 1. Up to 1,024 further requests
// wait in a queue; the server drops the rest as DropBusy. Responses are sent in the order in which
// the calls of h return.
//
// The handler defers each response, which costs a few allocations, and handlers that wrap it do not
// see the response. So wrap h instead, as in Concurrent(logged(h), n). Serve waits for the calls of
// h. Without a server, as in a test, the handler calls h directly.
func Concurrent(h Handler, n int) Handler { return &concurrent{handler: h, limit: max(n, 1)} }

type concurrent struct {
	handler Handler
	limit   int

	mu      sync.Mutex
	running int // goroutines; each ends when nothing is waiting
	waiting []*Deferred
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
	go c.work(d) // ends when nothing is waiting; Serve waits for every call of the handler
}

// work serves d and then the waiting requests. If the handler ends the goroutine, another one
// continues.
func (c *concurrent) work(d *Deferred) {
	done := false
	defer func() {
		if done {
			return
		}
		if next := c.next(); next != nil {
			go c.work(next)
		}
	}()
	for ; d != nil; d = c.next() {
		d.serve(c.handler)
	}
	done = true
}

// next returns the request that has waited longest. If there is none, it returns nil and the
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
