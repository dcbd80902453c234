package relay

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Serve carries datagrams until the relay is closed. It returns ErrClosed after Shutdown or Close,
// and only then; otherwise the error that ended it. Serve must be called after Listen and only
// once.
func (r *Relay) Serve() error {
	r.mu.Lock()
	switch {
	case r.closed:
		r.mu.Unlock()
		return ErrClosed
	case !r.listening:
		r.mu.Unlock()
		return errors.New("relay: Serve called before Listen")
	case r.done != nil:
		r.mu.Unlock()
		return errors.New("relay: Serve called twice")
	}
	r.done = make(chan struct{})
	for _, l := range r.listeners {
		r.loops.Go(l.run) // ends when its socket is drained or closed
	}
	r.loops.Go(r.deliverDelayed) // ends when shut closes the delay queue
	r.loops.Go(r.expireIdle)     // as deliverDelayed
	r.mu.Unlock()
	r.loops.Wait()
	close(r.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	return cmp.Or(r.err, ErrClosed)
}

// Shutdown stops reading from clients, waits until the requests that have arrived and all delayed
// datagrams are sent, and closes the relay. Meanwhile it drops responses that would be delayed and
// counts them as Unmapped, because a server can send without end. If ctx is done first, Shutdown closes
// the relay at once and returns ctx.Err(); Stats counts the remaining datagrams as Delayed.
func (r *Relay) Shutdown(ctx context.Context) error {
	r.mu.Lock()
	serving := r.done != nil
	r.mu.Unlock()
	if !serving {
		return r.Close()
	}
	err := r.drain(ctx)
	r.Close()
	return err
}

// drain waits for the end of the listeners and then for an empty delay queue.
func (r *Relay) drain(ctx context.Context) error {
	for _, l := range r.listeners {
		_ = l.conn.Drain() // fails only on a closed socket, which is not read either
	}
	for _, l := range r.listeners {
		select {
		case <-l.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	select {
	case <-r.delays.whenEmpty():
		return nil
	case <-r.delays.closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close closes the relay and waits until Serve's goroutines have ended. Delayed datagrams are not
// sent; Stats counts them as Delayed. Close returns nil; it may be called before Listen and more
// than once.
func (r *Relay) Close() error {
	r.shut(nil)
	r.mu.Lock()
	done := r.done
	r.mu.Unlock()
	if done != nil {
		<-done
	}
	return nil
}

// shut closes all sockets, which ends all goroutines. The sockets are closed without the lock.
func (r *Relay) shut(err error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	r.closed, r.err = true, err
	mappings := slices.Collect(maps.Keys(r.all))
	r.mu.Unlock()
	for _, l := range r.listeners {
		l.conn.Close()
	}
	for _, m := range mappings {
		r.group.remove(m)
		m.conn.Close()
	}
	if r.delays != nil {
		r.delays.close()
	}
}

// expireIdle closes idle mappings.
func (r *Relay) expireIdle() {
	idle := cmp.Or(r.IdleTimeout, DefaultIdleTimeout)
	tick := time.NewTicker(max(idle/4, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.expire(time.Since(r.epoch) - idle)
			r.progress()
		case <-r.delays.closed:
			return
		}
	}
}
