package ohce

import (
	"net/netip"

	"github.com/ohce/ohce/internal/udp"
)

// The largest content of a datagram in bytes: 65,535 less the headers of IPv4 and UDP (RFC 791,
// RFC 768), and less the header of UDP alone on IPv6, whose length does not count its own header
// (RFC 8200, section 3).
const (
	maxDatagram4 = 65_507
	maxDatagram6 = 65_527
)

// maxDatagram returns the largest content of a datagram to addr.
func maxDatagram(addr netip.Addr) int {
	if addr.Is6() && !addr.Is4In6() {
		return maxDatagram6
	}
	return maxDatagram4
}

// A ResponseWriter holds the response to one request until the handler returns, or with Defer for
// longer. Its zero value is ready for use, so a handler can be called without a server. It is for
// one goroutine.
type ResponseWriter struct {
	buf      []byte // the response is buf[start:]; before it are those to other requests
	start    int
	limit    int // 0: maxDatagram4
	written  bool
	tooLarge bool
	drop     DropReason // of a handler that rejects the request; DropNone: it does not

	shard    *shard           // nil without a server
	request  *udp.Message     // the message that holds the request; the response uses its addresses
	deferred *Deferred        // holds the response after Defer
	owner    *Deferred        // the Deferred that this is the writer of
	observer responseObserver // of a deferred response; may be nil
}

// A responseObserver learns how a deferred response ended: sent if reason is DropNone, else dropped.
type responseObserver interface {
	responseEnded(w *ResponseWriter, reason DropReason)
}

// Write appends p to the response. All that is written for a request is one datagram; if only empty
// slices are written, it is an empty datagram. A response longer than a datagram can be is never
// sent in part: Write returns [ErrTooLarge], and the server drops the response as [DropTooLarge]
// unless Reset is called. After Defer, and after the end of a [Deferred], Write returns an error
// that is net.ErrClosed.
func (w *ResponseWriter) Write(p []byte) (int, error) {
	if w.deferred != nil || w.owner != nil && w.owner.ended.Load() {
		return 0, errEnded
	}
	w.written = true
	if w.tooLarge || len(w.buf)-w.start+len(p) > w.max() {
		w.tooLarge = true
		return 0, ErrTooLarge
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// AvailableBuffer returns an empty slice whose capacity is the unused part of the buffer. Append to
// it and pass it to the next Write, which then need not copy or allocate:
//
//	w.Write(flip.Append(w.AvailableBuffer(), r.Data))
func (w *ResponseWriter) AvailableBuffer() []byte { return w.buf[len(w.buf):] }

// Bytes returns what has been written. It is valid until the next Write or Reset and may be changed
// in place until then.
func (w *ResponseWriter) Bytes() []byte { return w.buf[w.start:] }

// Written reports whether Write was called since the start or the last Reset. If it was not, there
// is no response.
func (w *ResponseWriter) Written() bool { return w.written }

// Reset discards what has been written.
func (w *ResponseWriter) Reset() {
	w.buf = w.buf[:w.start]
	w.written, w.tooLarge, w.drop = false, false, DropNone
}

func (w *ResponseWriter) max() int {
	if w.limit == 0 {
		return maxDatagram4
	}
	return w.limit
}

// begin prepares w for the next response, which is appended to buf.
func (w *ResponseWriter) begin(buf []byte) {
	w.buf, w.start = buf, len(buf)
	w.written, w.tooLarge, w.drop, w.deferred, w.observer = false, false, DropNone, nil, nil
}

// outcome returns why there is no response to send, or DropNone.
func (w *ResponseWriter) outcome() DropReason {
	switch {
	case w.drop != DropNone:
		return w.drop
	case w.tooLarge:
		return DropTooLarge
	case !w.written:
		return DropSilent
	default:
		return DropNone
	}
}
