package ohce

import (
	"context"

	"github.com/ohce/ohce/internal/udp"
)

// Shutdown ends the server without losing the requests that have arrived. It stops the admission of
// datagrams, answers those that the kernel has queued, waits for the handlers and deferred
// responses, and closes the sockets. If ctx is done first, Shutdown closes the sockets at once and
// returns the error of ctx. Later responses are counted as DropUnsent.
//
// A handler must not wait for Shutdown, because Shutdown waits for the handler. Both would block
// until ctx is done. To shut the server down, a handler starts a goroutine that calls Shutdown, and
// returns.
//
// The kernel drops datagrams that arrive after the call and counts them as
// ServerStats.KernelDropped if the system supports it (Linux). On other systems, the server still
// answers a limited number of them.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	// The addresses are bound, so the kernel may have queued datagrams although Serve was not
	// called.
	if shards, err := s.newShards(); err == nil {
		go s.runShards(shards) // ends when all sockets are drained; Shutdown waits for it
	}
	s.beginClosing() // so that a concurrent Serve returns ErrServerClosed
	s.mu.Unlock()
	return s.endServe(ctx, udp.Socket.Drain)
}

// Release ends the server and leaves the queued datagrams to a successor, which has inherited the
// sockets returned by Files. It stops reading, answers the datagrams that it has read, waits for
// the handlers and deferred responses, and closes its own descriptors. The kernel continues to
// queue datagrams for the successor. If ctx is done first, Release behaves like Shutdown.
//
// Each datagram counts as received by one of the two servers. ServerStats.KernelDropped belongs to
// the sockets, so the successor's count includes the drops before the release. A filter of
// DenyInKernel belongs to them too. If no other process has the sockets, the queued datagrams are
// lost.
func (s *Server) Release(ctx context.Context) error {
	return s.endServe(ctx, udp.Socket.Release)
}

// endServe stops the sockets with stop and waits until Serve has ended. If ctx is done first, it
// closes the server.
func (s *Server) endServe(ctx context.Context, stop func(udp.Socket) error) error {
	s.mu.Lock()
	s.beginClosing()
	serving, shards, done := s.serving, s.shards, s.servedChan()
	s.mu.Unlock()
	if !serving {
		s.closeSockets()
		return nil
	}
	for _, sh := range shards {
		stop(sh.conn) // an error means that the socket is closed
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.Close()
		return ctx.Err()
	}
}

// Close ends the server at once. Datagrams queued in the kernel are lost. Close does not wait for
// handlers, but Serve does.
func (s *Server) Close() error {
	s.mu.Lock()
	s.beginClosing()
	cancel := s.cancel
	s.mu.Unlock()
	s.closeSockets() // before cancel, so that a handler whose context is done finds them closed
	if cancel != nil {
		cancel()
	}
	return nil
}

// beginClosing marks the server as closing. It must be called with mu held.
func (s *Server) beginClosing() {
	if stop := s.shutdownChan(); !s.closing {
		s.closing = true
		close(stop)
	}
}

func (s *Server) closeSockets() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.listeners {
		l.close()
	}
}

// finishServe waits for the handlers and deferred responses and closes the sockets.
func (s *Server) finishServe(shards []*shard) {
	for _, sh := range shards {
		sh.counters.finish(sh.open.wait(sh.req.Context()))
	}
	s.closeSockets()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	close(s.servedChan())
}

// shutdownChan returns a channel that is closed when the server begins to close. It must be called
// with mu held.
func (s *Server) shutdownChan() chan struct{} {
	if s.shutdown == nil {
		s.shutdown = make(chan struct{})
	}
	return s.shutdown
}

// servedChan returns a channel that is closed when Serve has ended. It must be called with mu held.
func (s *Server) servedChan() chan struct{} {
	if s.served == nil {
		s.served = make(chan struct{})
	}
	return s.served
}
