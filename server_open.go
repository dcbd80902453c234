package ohce

import (
	"context"
	"sync"
)

// openResponses counts the deferred responses of a shard, so that Serve can wait for them.
type openResponses struct {
	mu       sync.Mutex
	changed  sync.Cond // L is mu; set by wait
	handlers int       // handlers of Concurrent that wait or run
	open     int       // responses that have not ended
	ending   int       // responses that are being sent
	closed   bool      // the open ones were ended by wait
}

func (o *openResponses) add() {
	o.mu.Lock()
	o.open++
	o.mu.Unlock()
}

// startEnding reports whether the caller ends a response, which wait has not ended.
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

// wait waits until all handlers have ended, and all responses too unless ctx is done before. It ends
// the responses that are still open and returns their number.
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
