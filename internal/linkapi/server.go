package linkapi

import (
	"cmp"
	"net"
	"net/http"
	"sync"
	"time"
)

// The limits of a Server.
const (
	// maxHeader is the maximum length of a request's header in bytes. net/http adds 4,096 bytes.
	maxHeader = 8 << 10
	// maxConnections is the maximum number of open connections.
	maxConnections = 32

	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 15 * time.Second
	idleTimeout       = 30 * time.Second
)

// A Server serves the API of a Manager on a listener. It limits the time, the memory and the number
// of connections that clients take. Its fields must not change after the first request.
type Server struct {
	// Manager holds the links.
	Manager *Manager
	// Hosts are names and IP addresses that the Host header of a request may have, besides the
	// address of the connection and, on a loopback address, localhost.
	Hosts []string
	// Token, if not empty, must be in the Authorization header of each request ("Bearer TOKEN"). It
	// is required on an address that other machines can reach.
	Token string

	once  sync.Once
	http  *http.Server
	longs longBodies
}

// Serve serves the connections of l until Close. It closes l. After Close, the error is
// http.ErrServerClosed. Without a required Token, it is ErrTokenRequired.
func (s *Server) Serve(l net.Listener) error {
	if s.Token == "" && RequiresToken(l.Addr()) {
		l.Close()
		return ErrTokenRequired
	}
	s.once.Do(s.init)
	return s.http.Serve(l)
}

// Close closes the listener and all connections. Serve returns at once if Close has been called.
func (s *Server) Close() error {
	s.once.Do(s.init)
	return s.http.Close()
}

func (s *Server) init() {
	s.longs = make(longBodies, maxLongBodies)
	open := newConnections(maxConnections)
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnState:         open.changed,
	}
}

// ServeHTTP serves a request to the API that the package comment describes.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.once.Do(s.init)
	if err := cmp.Or(s.checkAccess(r), s.checkToken(w, r)); err != nil {
		respond(w, r, nil, err)
		return
	}
	c := &call{m: s.Manager, w: w, r: r, longs: s.longs}
	result, err := c.route()
	respond(w, r, result, err)
}
