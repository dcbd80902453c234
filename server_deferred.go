package ohce

import (
	"bytes"
	"net"
	"sync/atomic"

	"github.com/ohce/ohce/internal/udp"
)

// A Deferred is a response that is sent after the handler has returned. ResponseWriter.Defer makes
// it. The embedded writer holds the response.
//
// A Deferred ends once, by Send or by Close, and the request is in flight until then. After its end
// Write and Send return an error that is net.ErrClosed. If a Deferred has not ended when the
// server's Close is called or the context of its Shutdown is done, the server ends it and counts it
// as DropUnsent. The context of Request is done at that time.
//
// A Deferred may be used on any goroutine, by one at a time. Close may be called at any time, also
// during Send; the first of the two counts.
type Deferred struct {
	*ResponseWriter
	// Request is a copy of the request. It remains valid.
	Request *Request

	ended  atomic.Bool
	reply  udp.Message     // the addresses of the response
	origin *ResponseWriter // receives the response if there is no server
}

// errEnded is the error of a response that can no longer be written or sent.
var errEnded error = endedError{}

type endedError struct{}

func (endedError) Error() string        { return "ohce: response sent, closed or deferred" }
func (endedError) Is(target error) bool { return target == net.ErrClosed }

// Defer returns a Deferred that holds what has been written to w. From then on w is no longer used:
// the handler can return, and the response is sent when the Deferred ends. r is the handler's
// request, which is copied. Another call returns the same Deferred.
//
// If the handler runs without a server, as in a test, Send writes the response to w.
func (w *ResponseWriter) Defer(r *Request) *Deferred {
	if w.deferred != nil {
		return w.deferred
	}
	d := &Deferred{Request: r.Clone()}
	d.ResponseWriter = &ResponseWriter{
		buf: bytes.Clone(w.Bytes()), limit: w.limit, written: w.written, tooLarge: w.tooLarge,
		shard: w.shard, observer: w.observer, owner: d,
	}
	switch {
	case w.owner != nil: // d takes the place of the owner
		d.reply, d.origin = w.owner.reply, w.owner.origin
		d.ended.Store(w.owner.ended.Swap(true))
	case w.shard != nil:
		m := w.request
		d.reply = udp.Message{Peer: m.Peer, Local: m.Local, IfIndex: m.IfIndex}
		w.shard.open.add()
	default:
		d.origin = w
	}
	w.deferred = d
	return d
}

// Send sends the response as one datagram, or drops the request as DropSilent if nothing was
// written. The error is ErrTooLarge, an *OpError if the system refuses the datagram, or
// net.ErrClosed if the Deferred or the server has ended.
func (d *Deferred) Send() error { return d.end(d.outcome()) }

// Close drops the request as DropSilent, unless the Deferred has ended. The error is always nil.
func (d *Deferred) Close() error {
	d.end(DropSilent)
	return nil
}

// end ends d. It sends the response if reason is DropNone, and otherwise counts the reason.
func (d *Deferred) end(reason DropReason) error {
	if d.ended.Swap(true) {
		return errEnded
	}
	var err error
	switch sh := d.shard; {
	case sh == nil:
		d.sendToOrigin(reason)
	case !sh.open.startEnding():
		err = ErrServerClosed // counted when the server ended it
		if reason == DropNone {
			reason = DropUnsent
		}
	default:
		err = d.finish(reason)
		sh.open.endEnding()
	}
	if d.observer != nil {
		d.observer.responseEnded(d.ResponseWriter, reason)
	}
	return err
}

// finish sends the response or counts the reason.
func (d *Deferred) finish(reason DropReason) error {
	sh := d.shard
	var dropped Drops
	if reason != DropNone {
		dropped[reason]++
		sh.counters.ended(0, &dropped)
		if reason == DropTooLarge {
			return ErrTooLarge
		}
		return nil
	}
	out := d.reply
	out.Buf = d.Bytes()
	err := sh.flush([]udp.Message{out}, &dropped)
	switch {
	case err == nil:
		return nil
	case udp.TooLong(err):
		return ErrTooLarge
	default:
		return &OpError{Op: "respond", Addr: out.Peer.String(), Err: err}
	}
}

// sendToOrigin gives the response to the writer of a handler that runs without a server.
func (d *Deferred) sendToOrigin(reason DropReason) {
	w := d.origin
	w.Reset()
	w.drop = reason
	if reason == DropNone {
		w.buf, w.written = append(w.buf, d.Bytes()...), true
	}
}

// serve calls h and ends d with its response. d ends however h does, by a panic or
// runtime.Goexit too.
func (d *Deferred) serve(h Handler) {
	reason := DropPanic
	defer func() {
		d.end(reason)
		d.shard.open.endHandler()
	}()
	if d.Request.Context().Err() != nil {
		reason = DropBusy // the server was closed before the handler could start
		return
	}
	if d.shard.srv.panics.call(d.shard.srv.ErrorLog, h, d.ResponseWriter, d.Request) {
		reason = d.outcome()
	}
}
