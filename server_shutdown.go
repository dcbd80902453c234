package ohce

import (
	"context"
)

// Shutdown ends the server without losing what it has accepted: it admits nothing more, answers
// everything that the kernel has queued, waits for the handlers that still run, and closes the
// sockets. If ctx ends first, it closes them at once and returns the context's error; answers that
// handlers write after that are counted as DropUnsent.
//
// Datagrams that arrive after the call are dropped by the kernel and counted as
// ServerStats.KernelDropped if the system supports it (Linux). Otherwise the server still answers
// them, within a bound.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	// What was bound but is not served yet has a queue too.
	if shards, err := s.newShards(); err == nil {
		go s.runShards(shards) // ends when all is drained; waited for below
	}
	s.beginClosing()
	serving, shards, done := s.serving, s.shards, s.servedChan()
	s.mu.Unlock()
	if !serving {
		s.closeSockets()
		return nil
	}
	for _, sh := range shards {
		sh.conn.Drain() // an error means that the socket is closed
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.Close()
		return ctx.Err()
	}
}

// Close ends the server at once: what the kernel has queued is lost. It does not wait for handlers;
// Serve does.
func (s *Server) Close() error {
	s.mu.Lock()
	s.beginClosing()
	cancel := s.cancel
	s.mu.Unlock()
	s.closeSockets() // first: who is told by the context finds them closed
	if cancel != nil {
		cancel()
	}
	return nil
}

// beginClosing is called with mu held.
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

// finishServe waits for the deferred responses and closes the sockets.
func (s *Server) finishServe(shards []*shard) {
	for _, sh := range shards {
		sh.deferred.Wait()
	}
	s.closeSockets()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	close(s.servedChan())
}

// shutdownChan returns a channel that is closed when closing begins. It is called with mu held, as
// servedChan is.
func (s *Server) shutdownChan() chan struct{} {
	if s.shutdown == nil {
		s.shutdown = make(chan struct{})
	}
	return s.shutdown
}

// servedChan returns a channel that is closed when Serve has ended.
func (s *Server) servedChan() chan struct{} {
	if s.served == nil {
		s.served = make(chan struct{})
	}
	return s.served
}
