package ohce

import (
	"bytes"
	"context"
	"net/netip"
)

// DefaultAddr is the address of a Server or Client that has no other.
const DefaultAddr = "127.0.0.1:3000"

// A Handler answers requests.
//
// ServeUDP writes the response to w and returns. The server sends the response after that, so a
// handler that wraps another can inspect and change it. If nothing is written, there is no response,
// and the server counts the request as [DropSilent]. Neither w nor r nor r.Data may be used after
// ServeUDP has returned; to answer later, see [ResponseWriter.Defer].
//
// A request can arrive more than once, because clients retransmit it, and each time the server calls
// the handler. See [Deduplicator].
//
// ServeUDP runs on the goroutine that reads the socket. While it runs, other requests of that socket
// wait. Wrap a handler that blocks in [Concurrent]. With several sockets, several goroutines call
// the handler at once. If it panics, the server counts [DropPanic], logs the panic and continues.
//
// A handler must not wait for [Server.Shutdown], which waits for the handler.
type Handler interface {
	ServeUDP(w *ResponseWriter, r *Request)
}

// A HandlerFunc is a function used as a Handler.
type HandlerFunc func(w *ResponseWriter, r *Request)

// ServeUDP calls f.
func (f HandlerFunc) ServeUDP(w *ResponseWriter, r *Request) { f(w, r) }

// echo is the handler of a Server without one: the response is the request (RFC 862).
func echo(w *ResponseWriter, r *Request) { w.Write(r.Data) }

// A Request is one datagram that a server received.
type Request struct {
	// Data is the datagram's content, from 0 to Server.BufferSize bytes. It is valid until the
	// handler returns. The handler must not change it.
	Data []byte
	// RemoteAddr is the sender's address as the datagram states it. It can be forged.
	RemoteAddr netip.AddrPort
	// LocalAddr is the address that the request was sent to, and that the response leaves from. Its
	// IP address is unspecified if the system does not report it, as for a multicast request.
	LocalAddr netip.AddrPort

	ctx context.Context
}

// Context returns a context that is done when the server no longer waits for handlers: at Close, or
// when the context of Shutdown is done. It is never nil.
func (r *Request) Context() context.Context {
	if r.ctx == nil {
		return context.Background()
	}
	return r.ctx
}

// Clone returns a copy that remains valid after the handler has returned.
func (r *Request) Clone() *Request {
	c := *r
	c.Data = bytes.Clone(r.Data)
	return &c
}
