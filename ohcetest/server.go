package ohcetest

import (
	"context"
	"fmt"
	"time"

	"github.com/ohce/ohce"
)

// closeTime is how long Close waits for handlers.
const closeTime = 5 * time.Second

// A Server is an ohce.Server on a free port of the loopback interface.
type Server struct {
	// Addr is the server's address, "127.0.0.1:port".
	Addr string
	// Config is the server itself. Use it for Stats.
	Config *ohce.Server

	served chan error
}

// NewServer starts a server with a handler; nil echoes each request. The caller must call Close.
// NewServer panics if no port is free.
func NewServer(h ohce.Handler) *Server { return StartServer(&ohce.Server{Handler: h}) }

// StartServer starts a server that the caller has configured, except for its Addr. The caller must
// call Close. StartServer panics if no port is free.
func StartServer(config *ohce.Server) *Server {
	if err := config.Listen("127.0.0.1:0"); err != nil {
		panic(fmt.Sprintf("ohcetest: %v", err))
	}
	s := &Server{
		Addr: config.Addrs()[0].String(), Config: config, served: make(chan error, 1),
	}
	go func() { s.served <- config.Serve() }() // ends with Close, which waits for it
	return s
}

// Client returns a new client of the server. The caller can set its fields before the first exchange
// and must call its Close.
func (s *Server) Client() *ohce.Client { return &ohce.Client{Addr: s.Addr} }

// Close shuts the server down and waits for its end. It panics if a handler takes longer than 5 s or
// if the server has failed. It must be called once.
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
