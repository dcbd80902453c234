package ohce

import (
	"context"
	"sync"
)

// openResponses counts the deferred responses and Concurrent handlers of a shard, so that Serve can
// wait for them.
type openResponses struct {
	mu       sync.Mutex
	changed  sync.Cond // L is mu; set by wait
	handlers int       // calls of Concurrent handlers that are queued or running
	open     int       // responses that have not ended
	ending   int       // responses that are being sent
	closed   bool      // wait has ended the open responses
}

func (o *openResponses) add() {
	o.mu.Lock()
	o.open++
	o.mu.Unlock()
}

// startEnding reports whether the caller may end a response. It returns false if wait has ended it.
func (o *openResponses) startEnding() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return false
	}
	o.open--
	o.ending++
	return true
}

func (o *openResponses) endEnding() {
	o.mu.Lock()
	o.ending--
	o.changed.Broadcast()
	o.mu.Unlock()
}

func (o *openResponses) startHandler() {
	o.mu.Lock()
	o.handlers++
	o.mu.Unlock()
}

func (o *openResponses) endHandler() {
	o.mu.Lock()
	o.handlers--
	o.changed.Broadcast()
	o.mu.Unlock()
}

// wait waits until all handlers have returned and all responses have ended. If ctx is done, it does
// not wait for open responses. It ends the responses that are still open and returns their number.
func (o *openResponses) wait(ctx context.Context) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.changed.L = &o.mu
	defer context.AfterFunc(ctx, func() {
		o.mu.Lock()
		o.changed.Broadcast()
		o.mu.Unlock()
	})()
	for o.handlers > 0 || o.ending > 0 || o.open > 0 && ctx.Err() == nil {
		o.changed.Wait()
	}
	n := o.open
	o.open, o.closed = 0, true
	return n
}
