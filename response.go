package ohce

import (
	"net/netip"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// The largest content of a datagram in bytes. On IPv4 it is 65,535 minus the IPv4 and UDP headers
// (RFC 791, RFC 768). On IPv6 it is 65,535 minus the UDP header, because the length of an IPv6
// packet does not include the IPv6 header (RFC 8200, section 3).
const (
	maxDatagram4 = 65_507
	maxDatagram6 = 65_527
)

// maxDatagram returns the largest content in bytes of a datagram to addr.
func maxDatagram(addr netip.Addr) int {
	if addr.Is6() && !addr.Is4In6() {
		return maxDatagram6
	}
	return maxDatagram4
}

// A ResponseWriter holds the response to a request until the handler returns or, after Defer, until
// the Deferred ends. The zero value is ready for use, so a handler can be called without a server.
// A ResponseWriter must not be used by several goroutines at once.
type ResponseWriter struct {
	buf      []byte // the response is buf[start:]; buf[:start] holds earlier responses
	start    int
	limit    int // in bytes; 0: maxDatagram4
	written  bool
	tooLarge bool
	drop     DropReason // set by a handler that drops the request; otherwise DropNone
	begun    time.Time  // when the handler was called, if its duration is measured

	shard    *shard           // nil if there is no server
	request  *udp.Message     // the message with the request and its addresses
	deferred *Deferred        // holds the response after Defer
	owner    *Deferred        // the Deferred whose writer this is; may be nil
	observer responseObserver // for a deferred response; may be nil
}

// A responseObserver is notified when a deferred response ends. reason is DropNone if the response
// was sent.
type responseObserver interface {
	responseEnded(w *ResponseWriter, reason DropReason)
}

// Write appends p to the response. All writes for a request form one datagram. If only empty slices
// are written, the response is an empty datagram.
//
// If the response becomes longer than a datagram can be, Write returns [ErrTooLarge], and the
// server drops the response as [DropTooLarge] unless Reset is called. It never sends a part of a
// response. After Defer and after the end of a [Deferred], Write returns an error for which
// errors.Is reports net.ErrClosed.
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

// AvailableBuffer returns an empty slice with the unused capacity of the buffer. Append to the
// slice and pass it to the next Write, which then does not copy or allocate:
//
//	w.Write(flip.Append(w.AvailableBuffer(), r.Data))
func (w *ResponseWriter) AvailableBuffer() []byte { return w.buf[len(w.buf):] }

// Bytes returns the response written so far. The slice is valid until the next Write or Reset and
// may be modified until then.
func (w *ResponseWriter) Bytes() []byte { return w.buf[w.start:] }

// Written reports whether Write has been called since the start or the last Reset. If it has not,
// there is no response.
func (w *ResponseWriter) Written() bool { return w.written }

// Reset discards the response written so far.
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

// outcome returns the reason why there is no response to send, or DropNone.
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
