package ohcetest

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/ohce/ohce"
)

// closeTime is the time that Close waits for handlers.
const closeTime = 5 * time.Second

// A Server is an ohce.Server that listens on a free port of the loopback interface, or on a
// [Network].
type Server struct {
	// Addr is the server's address, in the form "ip:port".
	Addr string
	// Config is the running server. Use it to read Stats.
	Config *ohce.Server

	network *Network   // nil: real sockets
	served  chan error // the result of Serve
}

// NewServer starts a server with the given handler. If h is nil, the server echoes each request.
// The caller must call Close when finished. NewServer panics if it cannot listen.
func NewServer(h ohce.Handler) *Server { return StartServer(&ohce.Server{Handler: h}) }

// StartServer starts config, which must not have been started before. It ignores config.Addr. The
// caller must call Close when finished. StartServer panics if the server cannot listen.
func StartServer(config *ohce.Server) *Server {
	if err := config.Listen("127.0.0.1:0"); err != nil {
		panic(fmt.Sprintf("ohcetest: %v", err))
	}
	s := &Server{Addr: config.Addrs()[0].String(), Config: config}
	s.start()
	return s
}

// StartServer starts config on an address of the network, which has the form "ip:port". It ignores
// config.Addr. In a [testing/synctest] bubble, the caller must call Close before the test ends, for
// example with testing.T.Cleanup. StartServer panics if addr is invalid or in use.
func (n *Network) StartServer(config *ohce.Server, addr string) *Server {
	conn, err := n.ListenPacket(addr)
	if err != nil {
		panic(fmt.Sprintf("ohcetest: %v", err))
	}
	s := &Server{Addr: addr, Config: config, network: n}
	s.start(conn)
	return s
}

// start runs the server.
func (s *Server) start(conns ...net.PacketConn) {
	s.served = make(chan error, 1)
	go func() { s.served <- s.Config.Serve(conns...) }() // Close ends it and waits for it
}

// Client returns a new client for the server. The caller may set its fields before the first
// exchange, and must close the client when finished.
func (s *Server) Client() *ohce.Client {
	c := &ohce.Client{Addr: s.Addr}
	if s.network != nil {
		c.Dial = s.network.Dial
	}
	return c
}

// Close shuts the server down and waits until it has stopped. Close panics if handlers are still
// running after 5 seconds, or if the server has failed. It must be called exactly once.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := s.Config.Shutdown(ctx); err != nil {
		panic(fmt.Sprintf("ohcetest: handlers still running after %v: %v", closeTime, err))
	}
	if err := <-s.served; err != ohce.ErrServerClosed {
		panic(fmt.Sprintf("ohcetest: server failed: %v", err))
	}
}
