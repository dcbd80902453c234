// Package web serves HTTP on behalf of a command that runs next to other work. It limits the time,
// the memory and the number of connections that clients take, and refuses requests that a web page
// of another origin makes without the knowledge of its user.
package web

import (
	"context"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// The limits of a Server.
const (
	// DefaultMaxConnections is the default of Server.MaxConnections.
	DefaultMaxConnections = 32
	// MaxHeader is the maximum length of a request's header in bytes. net/http adds 4,096 bytes.
	MaxHeader = 8 << 10

	ReadHeaderTimeout = 5 * time.Second
	ReadTimeout       = 10 * time.Second
	WriteTimeout      = 15 * time.Second
	IdleTimeout       = 30 * time.Second
)

// A Server is an http.Server with limits. A handler that needs more than WriteTimeout for its
// response extends the time with http.ResponseController.SetWriteDeadline. Its fields must not
// change after the first call of a method.
type Server struct {
	// Handler serves the requests. It decides itself which of them need CheckAccess.
	Handler http.Handler
	// MaxConnections is the maximum number of open connections. Beyond it, a new connection closes
	// the one that has been idle, or busy with one request, for the longest time. If zero, it is
	// DefaultMaxConnections. It must not be negative.
	MaxConnections int
	// ErrorLog gets errors of connections and panics of the handler. If nil, they go to the standard
	// logger of package log.
	ErrorLog *log.Logger

	once sync.Once
	http *http.Server
	open *connections

	mu        sync.Mutex
	listeners []net.Listener
	serving   sync.WaitGroup // calls of Serve
	ending    bool           // Shutdown has been called
}

// Serve serves the connections of l until Close or Shutdown, and closes l. It always returns an error.
// After Close and Shutdown, the error is http.ErrServerClosed.
func (s *Server) Serve(l net.Listener) error {
	s.once.Do(s.init)
	s.mu.Lock()
	ending := s.ending
	s.listeners = append(s.listeners, l)
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	if ending {
		l.Close()
		return http.ErrServerClosed
	}
	err := s.http.Serve(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return http.ErrServerClosed
	}
	return err
}

// HTTP returns the http.Server with the limits, for a function that adds TLS and serves itself. The
// function may replace the Handler before it serves.
func (s *Server) HTTP() *http.Server {
	s.once.Do(s.init)
	return s.http
}

// Shutdown closes the listeners, waits until all accepted connections have their responses or ctx is
// done, and closes the connections. Its error is that of ctx.
//
// http.Server.Shutdown closes a connection that it has accepted but whose request it has not read.
// Another process that serves the same listener could not answer that request either.
func (s *Server) Shutdown(ctx context.Context) error {
	s.once.Do(s.init)
	s.mu.Lock()
	s.ending = true
	for _, l := range s.listeners {
		l.Close() // an error means that it is closed
	}
	s.mu.Unlock()
	s.serving.Wait() // so that all accepted connections are known
	s.http.SetKeepAlivesEnabled(false)
	defer s.http.Close()
	return s.open.awaitResponses(ctx)
}

// Close closes the listeners and all connections. Serve returns at once if Close has been called.
func (s *Server) Close() error {
	s.once.Do(s.init)
	return s.http.Close()
}

func (s *Server) init() {
	limit := s.MaxConnections
	if limit == 0 {
		limit = DefaultMaxConnections
	}
	s.open = newConnections(limit)
	s.http = &http.Server{
		Handler:           s.Handler,
		ErrorLog:          s.ErrorLog,
		ReadHeaderTimeout: ReadHeaderTimeout,
		ReadTimeout:       ReadTimeout,
		WriteTimeout:      WriteTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeader,
		ConnState:         s.open.changed,
	}
}

// IsRemote reports whether other machines can reach a listener with the address addr.
func IsRemote(addr net.Addr) bool {
	ap, err := netip.ParseAddrPort(addr.String())
	return err == nil && !ap.Addr().Unmap().IsLoopback()
}
