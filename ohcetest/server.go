package ohcetest

import (
	"context"
	"fmt"
	"time"

	"github.com/ohce/ohce"
)

// closeTime is how long Close lets handlers finish.
const closeTime = 5 * time.Second

// A Server is an ohce.Server on a free port of the loopback interface.
type Server struct {
	// Addr is its address, "127.0.0.1:port".
	Addr string
	// Config is the server itself, for its Stats.
	Config *ohce.Server

	served chan error
}

// NewServer starts a server; nil sends each request back. The caller closes it. It panics if no port
// can be had.
func NewServer(h ohce.Handler) *Server { return StartServer(&ohce.Server{Handler: h}) }

// StartServer starts a server that the caller has configured; its Addr is not used.
func StartServer(config *ohce.Server) *Server {
	if err := config.Listen("127.0.0.1:0"); err != nil {
		panic(fmt.Sprintf("ohcetest: %v", err))
	}
	s := &Server{
		Addr: config.Addrs()[0].String(), Config: config, served: make(chan error, 1),
	}
	go func() { s.served <- config.Serve() }() // ends at Close, which waits for it
	return s
}

// Client returns a new client that asks this server; its fields are the caller's to set before its
// first exchange. Its Close closes the sockets that linger.
func (s *Server) Client() *ohce.Client { return &ohce.Client{Addr: s.Addr} }

// Close shuts the server down and waits until it has ended. It panics if a handler takes longer than
// five seconds, or if the server had failed. It may be called once.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := s.Config.Shutdown(ctx); err != nil {
		panic(fmt.Sprintf("ohcetest: handlers still run %v after Close: %v", closeTime, err))
	}
	if err := <-s.served; err != ohce.ErrServerClosed {
		panic(fmt.Sprintf("ohcetest: server failed: %v", err))
	}
}
