package ohce

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/udp"
)

// maxBuffer is the largest BufferSize: no UDP datagram is longer.
const maxBuffer = 65_535

// A Server answers datagrams. Its zero value listens on DefaultAddr and sends each request back as
// it is. The exported fields must not be changed once it listens or serves; the counts of Stats
// outlast it.
type Server struct {
	// Addr is the "host:port" that ListenAndServe listens on. "" is DefaultAddr. An empty host or
	// "[::]" is every address of the machine, "0.0.0.0" every IPv4 address; port 0 is any free port.
	Addr string

	// Handler answers the requests. nil sends each one back as it is.
	Handler Handler

	// BufferSize is the length in bytes of the longest request that is answered. A longer one is
	// never answered in part: it is dropped as DropOversize. 0 means 65,535, which is every datagram.
	// Negative or larger values are an error.
	BufferSize int

	// BusyPoll is how long the server polls an empty socket before it blocks. Polling avoids the
	// wake-up, which dominates the latency of a lone request, at the cost of CPU time. Some tens of
	// microseconds are enough if requests follow each other. If zero or negative, the server blocks
	// at once. Only the batch path polls (Linux).
	BusyPoll time.Duration

	// Shards is the number of sockets that share each address of Listen. Each shard has a goroutine
	// that reads its socket and calls the handler, so with more than one the handler must be safe for
	// concurrent use. The kernel spreads the clients over the shards and keeps each client on one
	// (SO_REUSEPORT, Linux 3.9). If zero, there is one shard; negative is an error. It must be set
	// before Listen. If the system cannot share an address, there is one shard.
	Shards int

	// Guard decides which datagrams reach the handler. The server drops the others for the reason
	// that the guard states: DropLoop, DropRate or DropDenied. If nil, it is guard.Loops{}, which
	// prevents endless exchanges with other servers. To admit everything, set guard.Guards{}.
	Guard guard.Guard

	// ErrorLog gets a record for the first panic of a handler and then one a second at most. nil is
	// slog.Default().
	ErrorLog *slog.Logger

	panics panicLog

	mu        sync.Mutex
	listeners []listener
	shards    []*shard
	serving   bool
	closing   bool
	stop      chan struct{} // closed when closing begins; see stopped
	done      chan struct{} // closed when Serve has ended; see ended
	cancel    context.CancelFunc
}

// A listener is an address with the sockets that serve it.
type listener struct {
	addr  netip.AddrPort
	conns []udp.Conn
}

// ListenAndServe listens on Addr, besides what Listen has bound, and serves until Shutdown or Close.
// Who needs to know a port that the system chose calls Listen, Addrs and Serve instead.
func (s *Server) ListenAndServe() error {
	if err := s.Listen(s.Addr); err != nil {
		return err
	}
	return s.Serve()
}

// Listen binds an address, in the form that Addr has. It may be called any number of times before
// Serve; from its return on the kernel queues what is sent there, and Addrs tells the address. The
// error is an *OpError, ErrAddrInUse where another socket has the address. A server that is not served
// after all is given up by Close.
func (s *Server) Listen(addr string) error {
	addr = cmp.Or(addr, DefaultAddr)
	s.mu.Lock()
	err := s.open(addr)
	s.mu.Unlock()
	if err != nil {
		return err
	}
	conns, bound, err := udp.Listen(context.Background(), addr, max(s.Shards, 1))
	if err != nil {
		return &OpError{Op: "listen", Addr: addr, Err: listenReason(err)}
	}
	return s.add(listener{bound, conns})
}

// open reports why no more addresses are taken. It is called with mu held.
func (s *Server) open(addr string) error {
	switch {
	case s.closing:
		return ErrServerClosed
	case s.serving:
		return &OpError{Op: "listen", Addr: addr, Err: errServing}
	case s.Shards < 0:
		return fmt.Errorf("ohce: Server.Shards is %d, want at least 0", s.Shards)
	default:
		return nil
	}
}

// add takes over the sockets of all listeners, or closes them.
func (s *Server) add(ls ...listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range ls {
		if err := s.open(l.addr.String()); err != nil {
			for _, l := range ls {
				l.close()
			}
			return err
		}
	}
	s.listeners = append(s.listeners, ls...)
	return nil
}

var (
	errServing = errors.New("the server is serving already")
	errGoexit  = errors.New("ohce: a handler ended the server's goroutine with runtime.Goexit")
)

// listenReason is err without the operation and the address, which OpError states itself.
func listenReason(err error) error {
	var op *net.OpError
	var address *net.AddrError
	switch {
	case udp.Taken(err):
		return briefError{ErrAddrInUse.Error(), []error{ErrAddrInUse, err}}
	case errors.As(err, &op):
		return briefError{op.Err.Error(), []error{err}}
	case errors.As(err, &address):
		return briefError{address.Err, []error{err}}
	default:
		return err
	}
}

// A briefError has a shorter text than the errors that it wraps.
type briefError struct {
	text string
	errs []error
}

func (e briefError) Error() string   { return e.text }
func (e briefError) Unwrap() []error { return e.errs }

func (l listener) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

// Addrs returns the addresses that the server is bound to, in the order of binding.
func (s *Server) Addrs() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addrs()
}

// addrs is called with mu held.
func (s *Server) addrs() []netip.AddrPort {
	addrs := make([]netip.AddrPort, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.addr
	}
	return addrs
}

// Serve answers what comes to the addresses that Listen has bound and to conns, which it takes over.
// The addresses of conns must be IP addresses with ports. It returns when all handlers have ended
// and all sockets are closed, those of Listen too: ErrServerClosed after Shutdown or Close, else the
// error that made a socket unusable or kept the server from beginning. It may be called once; while
// it runs, another call only closes its own conns and returns an error.
func (s *Server) Serve(conns ...net.PacketConn) error {
	if err := s.adopt(conns); err != nil {
		for _, pc := range conns {
			pc.Close()
		}
		return s.giveUp(err)
	}
	s.mu.Lock()
	shards, err := s.start()
	s.mu.Unlock()
	if err != nil {
		return s.giveUp(err)
	}
	s.tellCapped(shards)
	return s.run(shards)
}

// tellCapped logs, once, what keeps the buffers of the sockets small.
func (s *Server) tellCapped(shards []*shard) {
	for _, sh := range shards {
		if capped := sh.conn.Capped(); capped != "" {
			s.log().Warn("ohce: bursts may be lost: " + capped)
			return
		}
	}
}

func (s *Server) log() *slog.Logger { return cmp.Or(s.ErrorLog, slog.Default()) }

// giveUp closes a server that could not begin, and passes err on. One that serves goes on.
func (s *Server) giveUp(err error) error {
	s.mu.Lock()
	serving := s.serving
	s.mu.Unlock()
	if !serving {
		s.Close()
	}
	return err
}

// adopt takes over sockets that exist.
func (s *Server) adopt(conns []net.PacketConn) error {
	var ls []listener
	for _, pc := range conns {
		c, err := udp.New(pc)
		if err != nil {
			return &OpError{Op: "serve", Addr: fmt.Sprint(pc.LocalAddr()), Err: err}
		}
		ls = append(ls, listener{c.LocalAddr(), []udp.Conn{c}})
	}
	return s.add(ls...)
}

// start makes the shards. It is called with mu held, once with success.
func (s *Server) start() ([]*shard, error) {
	switch {
	case s.closing:
		return nil, ErrServerClosed
	case s.serving:
		return nil, &OpError{Op: "serve", Addr: s.Addr, Err: errServing}
	case len(s.listeners) == 0:
		return nil, errors.New("ohce: Serve without an address: call Listen first, or ListenAndServe")
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

// run runs the loops of the shards to their end and says why they ended.
func (s *Server) run(shards []*shard) error {
	errs := make(chan error, len(shards))
	for _, sh := range shards {
		// Ends when its socket is drained, closed or unusable; waited for just below.
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
	s.finish(shards)
	return cmp.Or(failed, ErrServerClosed)
}

// Stats returns the counters of the server.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	shards, listeners := s.shards, s.listeners
	s.mu.Unlock()
	var sum ServerStats
	for _, sh := range shards {
		sh.tally.addTo(&sum)
	}
	for _, l := range listeners {
		for _, c := range l.conns {
			sum.KernelDropped += c.KernelDrops()
		}
	}
	return sum
}
