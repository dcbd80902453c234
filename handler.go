package ohce

import (
	"bytes"
	"context"
	"net/netip"
)

// DefaultAddr is the address used by a Server or Client without an Addr.
const DefaultAddr = "127.0.0.1:3000"

// A Handler responds to requests.
//
// ServeUDP writes the response to w and returns. The server sends the response after ServeUDP has
// returned, so that a handler that wraps another can inspect and change it. If ServeUDP writes
// nothing, the server sends no response and counts the request as [DropSilent]. w, r and r.Data
// must not be used after ServeUDP has returned. To respond later, use [ResponseWriter.Defer].
//
// A request can arrive more than once, because clients retransmit it. The server calls the handler
// each time. See [Deduplicator].
//
// ServeUDP runs on the goroutine that reads the socket, so other requests on that socket wait until
// it returns. Wrap a handler that blocks in [Concurrent]. If the server has several sockets,
// several goroutines call the handler concurrently. If the handler panics, the server counts the
// request as [DropPanic], logs the panic and continues.
//
// A handler must not wait for [Server.Shutdown], because Shutdown waits for the handler.
type Handler interface {
	ServeUDP(w *ResponseWriter, r *Request)
}

// A HandlerFunc is a function that implements Handler: its ServeUDP method calls the function.
type HandlerFunc func(w *ResponseWriter, r *Request)

// ServeUDP calls f.
func (f HandlerFunc) ServeUDP(w *ResponseWriter, r *Request) { f(w, r) }

// echo is the handler of a Server without one. It responds with the request (RFC 862).
func echo(w *ResponseWriter, r *Request) { w.Write(r.Data) }

// A Request is a datagram received by a server.
type Request struct {
	// Data is the content of the datagram, from 0 to Server.BufferSize bytes. It is valid until the
	// handler returns. The handler must not modify it.
	Data []byte
	// RemoteAddr is the source address of the datagram. It can be forged.
	RemoteAddr netip.AddrPort
	// LocalAddr is the address that the request was sent to. The response leaves from this address.
	// The IP address is unspecified if the system does not report it, for example for a multicast
	// request.
	LocalAddr netip.AddrPort

	ctx context.Context
}

// Context returns the context of the request, which is never nil. It is done when the server stops
// waiting for handlers: when Close is called, or when the context of Shutdown is done.
func (r *Request) Context() context.Context {
	if r.ctx == nil {
		return context.Background()
	}
	return r.ctx
}

// Clone returns a copy of r that remains valid after the handler has returned.
func (r *Request) Clone() *Request {
	c := *r
	c.Data = bytes.Clone(r.Data)
	return &c
}
