package ohce

import (
	"bytes"
	"net/netip"

	"github.com/ohce/ohce/internal/udp"
)

// The largest datagrams there can be, in bytes of content: 65,535 less the headers of IPv4 and UDP
// (RFC 791, RFC 768), and less that of UDP alone on IPv6, whose length does not count its own
// header (RFC 8200, section 3).
const (
	maxDatagram4 = 65_507
	maxDatagram6 = 65_527
)

// maxDatagram is the largest content of a datagram to addr.
func maxDatagram(addr netip.Addr) int {
	if addr.Is6() && !addr.Is4In6() {
		return maxDatagram6
	}
	return maxDatagram4
}

// A ResponseWriter holds the response to one request until the handler returns. Its zero value is
// ready for use, so a handler can be called without a server. It is for one goroutine.
type ResponseWriter struct {
	buf      []byte // the response is buf[start:]; before it are those to other requests
	start    int
	limit    int // 0: maxDatagram4
	written  bool
	tooLarge bool
	busy     bool
	detached bool

	shard   *shard       // nil where no server stands behind it
	request *udp.Message // what is answered: its addresses are the way back
}

// Write appends p to the response; all that is written for a request is one datagram. Writing an
// empty p makes the response an empty datagram, if nothing else is written. A response longer than
// a datagram can be is never sent in part: Write returns [ErrTooLarge] and the response is dropped
// as [DropTooLarge], unless Reset is called.
func (w *ResponseWriter) Write(p []byte) (int, error) {
	w.written = true
	if w.tooLarge || len(w.buf)-w.start+len(p) > w.max() {
		w.tooLarge = true
		return 0, ErrTooLarge
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

// AvailableBuffer returns an empty slice with the room that the response has left, to be appended to
// and passed to the next Write at once, which then need not allocate:
//
//	w.Write(flip.Append(w.AvailableBuffer(), r.Data))
func (w *ResponseWriter) AvailableBuffer() []byte { return w.buf[len(w.buf):] }

// Bytes is the response as it stands. It is valid until the next Write or Reset, and may be changed
// in place until then.
func (w *ResponseWriter) Bytes() []byte { return w.buf[w.start:] }

// Written reports whether anything was written since the start or the last Reset, be it empty.
// False means silence.
func (w *ResponseWriter) Written() bool { return w.written }

// Reset takes back all that was written.
func (w *ResponseWriter) Reset() {
	w.buf = w.buf[:w.start]
	w.written, w.tooLarge, w.busy = false, false, false
}

func (w *ResponseWriter) max() int {
	if w.limit == 0 {
		return maxDatagram4
	}
	return w.limit
}

// begin makes w ready for the next response, which is appended to buf.
func (w *ResponseWriter) begin(buf []byte) {
	w.buf, w.start = buf, len(buf)
	w.written, w.tooLarge, w.busy, w.detached = false, false, false, false
}

// outcome says what becomes of the response: DropNone where it is to be sent.
func (w *ResponseWriter) outcome() DropReason {
	switch {
	case w.busy:
		return DropBusy
	case w.tooLarge:
		return DropTooLarge
	case !w.written:
		return DropSilent
	default:
		return DropNone
	}
}

// detach returns a copy of w that stays valid after the handler has returned; the response is then
// the copy's business, and w itself is not sent.
func (w *ResponseWriter) detach() *ResponseWriter {
	w.detached = true
	c := &ResponseWriter{limit: w.limit, written: w.written, tooLarge: w.tooLarge, shard: w.shard}
	c.buf = bytes.Clone(w.Bytes())
	request := *w.request
	request.Buf = nil // the shard's own, soon overwritten
	c.request = &request
	return c
}
