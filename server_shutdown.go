package ohce

import "context"

// Shutdown ends the server without losing requests. It stops admission, answers all datagrams that
// the kernel has queued, waits for the handlers and for the deferred responses, and closes the
// sockets. If ctx is done first, it closes the sockets at once and returns the context's error;
// later responses are counted as DropUnsent.
//
// A handler must not wait for Shutdown, which waits for the handler: both would wait until ctx is
// done, and without end for context.Background. Such a handler starts Shutdown on a goroutine and
// returns.
//
// Datagrams that arrive after the call are dropped by the kernel and counted as
// ServerStats.KernelDropped if the system supports it (Linux). Otherwise the server still answers
// them, within a bound.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	// The kernel queues datagrams for addresses that are bound but not served yet.
	if shards, err := s.newShards(); err == nil {
		go s.runShards(shards) // ends when all sockets are drained; Shutdown waits for it
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

// Close ends the server at once. Datagrams that the kernel has queued are lost. It does not wait for
// handlers; Serve does.
func (s *Server) Close() error {
	s.mu.Lock()
	s.beginClosing()
	cancel := s.cancel
	s.mu.Unlock()
	s.closeSockets() // first, so that a handler that sees the context done finds them closed
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
		sh.counters.finish(sh.open.wait(sh.req.Context()))
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
