package ohce

import (
	"bytes"
	"context"
	"net/netip"
)

// DefaultAddr is the address that a Server listens on and a Client asks where none is given.
const DefaultAddr = "127.0.0.1:3000"

// A Handler answers requests.
//
// ServeUDP writes the response to w and returns; the response leaves after that, so a handler that
// wraps another can still look at it or change it. Writing nothing is silence, which is counted as
// [DropSilent]. Neither w nor r nor r.Data may be used after ServeUDP has returned.
//
// ServeUDP runs on the goroutine that reads the socket: while it runs, that socket's other requests
// wait. A handler that blocks belongs into [Concurrent], whose response those that wrap it do not
// see. A handler may be called from several goroutines at once, one for each socket. If it panics,
// the server counts [DropPanic], logs it, and goes on.
type Handler interface {
	ServeUDP(w *ResponseWriter, r *Request)
}

// HandlerFunc makes a Handler of a function.
type HandlerFunc func(w *ResponseWriter, r *Request)

// ServeUDP calls f.
func (f HandlerFunc) ServeUDP(w *ResponseWriter, r *Request) { f(w, r) }

// echo is what a Server without a Handler does: the response is the request (RFC 862).
func echo(w *ResponseWriter, r *Request) { w.Write(r.Data) }

// A Request is one datagram that a server received.
type Request struct {
	// Data is the datagram's content, of any length from 0 to the server's BufferSize. It is valid
	// until the handler returns, and the handler must not change it.
	Data []byte
	// RemoteAddr is where the datagram says it comes from. On UDP that can be forged.
	RemoteAddr netip.AddrPort
	// LocalAddr is the address that was asked, and that the response leaves from. Its IP address is
	// unspecified where the system does not tell (a multicast request).
	LocalAddr netip.AddrPort

	ctx context.Context
}

// Context is done when the server gives up waiting for handlers: when the context of its Shutdown
// is, or at Close. It is never nil.
func (r *Request) Context() context.Context {
	if r.ctx == nil {
		return context.Background()
	}
	return r.ctx
}

// Clone returns a copy that stays valid after the handler has returned.
func (r *Request) Clone() *Request {
	c := *r
	c.Data = bytes.Clone(r.Data)
	return &c
}
