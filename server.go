package ohce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/guard"
)

// maxBuffer is the largest BufferSize in bytes. No UDP datagram is longer.
const maxBuffer = 65_535

// A Server passes each datagram to a Handler and sends the handler's response to the sender. The
// response leaves from the address that the request was sent to. The zero value listens on
// DefaultAddr and echoes each request. The exported fields must not be changed after the first call
// to Listen or Serve. Stats can still be called after the server has ended.
type Server struct {
	// Addr is the address that ListenAndServe listens on, "host:port". If empty, it is DefaultAddr.
	// An empty host or "[::]" means all addresses of the system, and "0.0.0.0" all IPv4 addresses.
	// Port 0 means a port chosen by the system.
	Addr string

	// Handler responds to the requests. If nil, the server echoes them.
	Handler Handler

	// BufferSize is the length in bytes of the longest request that the server accepts. The server
	// drops longer ones as DropOversize and never passes a part of them to the handler. If zero, it
	// is 65,535, which admits every datagram. A negative or larger value is an error.
	BufferSize int

	// BusyPoll is how long the server polls an empty socket before it blocks. Polling avoids the
	// wake-up, which dominates the latency of a lone request, at the cost of CPU time. Some tens of
	// microseconds suffice if requests follow each other closely. If zero or negative, the server
	// blocks at once. Only Linux supports polling.
	BusyPoll time.Duration

	// Shards is the number of sockets that share each address of Listen. Each shard has a goroutine
	// that reads its socket and calls the handler. If there are several, the handler must be safe
	// for concurrent use. The kernel distributes the clients over the shards, and keeps each client
	// on one (SO_REUSEPORT, Linux 3.9). If zero, there is one shard. A negative value is an error.
	// Shards must be set before Listen is called. If the system cannot share an address, there is
	// one shard.
	Shards int

	// Guard decides which datagrams reach the handler. The server drops the others for the reason
	// that the guard returns: DropLoop, DropRate or DropDenied. If nil, it is guard.Loops{}, which
	// prevents endless exchanges with other servers. To admit all datagrams, set it to
	// guard.Guards{}.
	Guard guard.Guard

	// ErrorLog logs panics of the handler, at most one a second, and warnings about the sockets. If
	// nil, it is slog.Default().
	ErrorLog *slog.Logger

	panics panicLog

	mu        sync.Mutex
	listeners []listener
	shards    []*shard
	serving   bool
	closing   bool
	shutdown  chan struct{} // closed when closing begins; see shutdownChan
	served    chan struct{} // closed when Serve has ended; see servedChan
	cancel    context.CancelFunc
}

var (
	errServing = errors.New("server is already serving")
	errGoexit  = errors.New("ohce: handler called runtime.Goexit on the goroutine of the server")
)

// ListenAndServe listens on Addr, in addition to the addresses passed to Listen, and then calls
// Serve. To learn a port chosen by the system, call Listen, then Addrs, then Serve.
func (s *Server) ListenAndServe() error {
	if err := s.Listen(s.Addr); err != nil {
		return err
	}
	return s.Serve()
}

// Serve serves the addresses passed to Listen and the sockets passed to Adopt. It first passes conns
// to Adopt. Serve returns after all handlers have
// returned and all sockets are closed.
//
// Serve always returns a non-nil error. After Shutdown, Release or Close it is ErrServerClosed. Otherwise it
// is the error that made a socket unusable or prevented the start. Serve can be called once. While
// it runs, another call closes its conns and returns an error.
func (s *Server) Serve(conns ...net.PacketConn) error {
	if err := s.Adopt(conns...); err != nil {
		return s.closeUnserved(err)
	}
	s.mu.Lock()
	shards, err := s.newShards()
	s.mu.Unlock()
	if err != nil {
		return s.closeUnserved(err)
	}
	s.warnSmallBuffers(shards)
	return s.runShards(shards)
}

// warnSmallBuffers logs one warning if the system limits the buffer of any socket.
func (s *Server) warnSmallBuffers(shards []*shard) {
	for _, sh := range shards {
		if capped := sh.conn.BufferWarning(); capped != "" {
			s.log().Warn("ohce: bursts may be lost: " + capped)
			return
		}
	}
}

func (s *Server) log() *slog.Logger { return cmp.Or(s.ErrorLog, slog.Default()) }

// closeUnserved closes a server that could not start. It does not close a server that is already
// serving. It returns err.
func (s *Server) closeUnserved(err error) error {
	s.mu.Lock()
	serving := s.serving
	s.mu.Unlock()
	if !serving {
		s.Close()
	}
	return err
}

// newShards creates a shard for each socket. It succeeds once. It must be called with mu held.
func (s *Server) newShards() ([]*shard, error) {
	switch {
	case s.closing:
		return nil, ErrServerClosed
	case s.serving:
		return nil, &OpError{Op: "serve", Addr: s.Addr, Err: errServing}
	case len(s.listeners) == 0:
		return nil, errors.New("ohce: no address to serve: call Listen first, or ListenAndServe")
	case s.BufferSize < 0 || s.BufferSize > maxBuffer:
		return nil, fmt.Errorf("ohce: Server.BufferSize is %d, want 0 to %d", s.BufferSize, maxBuffer)
	}
	s.serving = true
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	addrs := s.addrs()
	for _, l := range s.listeners {
		for _, c := range l.conns {
			s.shards = append(s.shards, newShard(ctx, s, c, addrs))
		}
	}
	return s.shards, nil
}

// runShards runs the loops of the shards until they have ended, and returns the error of Serve.
func (s *Server) runShards(shards []*shard) error {
	errs := make(chan error, len(shards))
	for _, sh := range shards {
		// The goroutine ends when its socket is drained, closed or unusable. This function waits
		// for it.
		go func() {
			err := errGoexit
			defer func() { errs <- err }()
			err = sh.run()
		}()
	}
	var failed error
	for range shards {
		if err := <-errs; err != nil && failed == nil {
			failed = err
			s.Close()
		}
	}
	s.finishServe(shards)
	return cmp.Or(failed, ErrServerClosed)
}

// Stats returns the current counters of the server.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	shards, listeners := s.shards, s.listeners
	s.mu.Unlock()
	var sum ServerStats
	for _, sh := range shards {
		sh.counters.addTo(&sum)
	}
	for _, l := range listeners {
		for _, c := range l.conns {
			sum.KernelDropped += c.KernelDropped()
		}
	}
	return sum
}
