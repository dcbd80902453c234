package linkapi

import (
	"cmp"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/ohce/ohce/internal/web"
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
	web   *web.Server
	longs longBodies
}

// Serve serves the connections of l until Close. It closes l. After Close, the error is
// http.ErrServerClosed. Without a required Token, it is ErrTokenRequired.
func (s *Server) Serve(l net.Listener) error {
	if s.Token == "" && web.IsRemote(l.Addr()) {
		l.Close()
		return ErrTokenRequired
	}
	s.once.Do(s.init)
	return s.web.Serve(l)
}

// Close closes the listener and all connections. Serve returns at once if Close has been called.
func (s *Server) Close() error {
	s.once.Do(s.init)
	return s.web.Close()
}

func (s *Server) init() {
	s.longs = make(longBodies, maxLongBodies)
	s.web = &web.Server{Handler: s}
}

// checkAccess refuses requests that a web page makes without its user's knowledge.
func (s *Server) checkAccess(r *http.Request) error {
	err := web.CheckAccess(r, s.Hosts)
	var host *web.HostError
	switch {
	case errors.As(err, &host):
		e := newError(403, "host", err.Error()+": use the IP address of the API")
		e.Hint = "to allow another name or address, start ohce link with --api-host"
		return e
	case err != nil:
		return newError(403, "origin", err.Error())
	}
	return nil
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
