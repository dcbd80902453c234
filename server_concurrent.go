package ohce

import "sync"

// maxWaiting is how many requests a Concurrent handler keeps waiting.
const maxWaiting = 1024

// Concurrent wraps a handler that blocks: up to n calls of h run at once, apart from the goroutine
// that reads the socket. Up to 1,024 further requests wait; past that they are dropped as DropBusy.
// n below 1 is 1. Responses leave in the order in which their handlers end, one datagram at a time.
//
// It copies each request, and so costs an allocation or two a datagram. Handlers that wrap it see
// its response as not yet written: put middleware inside, as in Concurrent(logged(h), n). A handler
// wrapped so that runs without a server, in a test, is simply called.
func Concurrent(h Handler, n int) Handler { return &concurrent{handler: h, limit: max(n, 1)} }

type concurrent struct {
	handler Handler
	limit   int

	mu      sync.Mutex
	running int // goroutines at work; each ends when it finds nothing waiting
	waiting []job
}

// A job is a request whose answer comes later.
type job struct {
	w *ResponseWriter
	r *Request
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
		w.busy = true
		return
	}
	j := job{w.detach(), r.Clone()}
	w.shard.deferred.Add(1)
	if busy {
		c.waiting = append(c.waiting, j)
		return
	}
	c.running++
	go c.work(j) // ends when nothing is waiting; the server's Serve waits for every job
}

// work does j and then what is waiting. A handler that ends its goroutine ends this one, and another
// one goes on with what is waiting.
func (c *concurrent) work(j job) {
	done := false
	defer func() {
		if done {
			return
		}
		if next, more := c.next(); more {
			go c.work(next)
		}
	}()
	for more := true; more; j, more = c.next() {
		j.w.shard.answerLater(c.handler, j.w, j.r)
	}
	done = true
}

func (c *concurrent) next() (job, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.waiting = nil
		c.running--
		return job{}, false
	}
	j := c.waiting[0]
	c.waiting[0] = job{}
	c.waiting = c.waiting[1:]
	return j, true
}
