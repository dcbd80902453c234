package ohce

import (
	"bytes"
	"net"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// A Deferred is a response that is sent after the handler has returned. It is created by
// ResponseWriter.Defer. The embedded ResponseWriter holds the response.
//
// A Deferred ends once, by Send or Close. Until then, its request counts as in flight. After the
// end, Write and Send return an error for which errors.Is reports net.ErrClosed. If a Deferred has
// not ended when the server's Close is called or the context of Shutdown is done, the server ends
// it and counts it as DropUnsent. At the same time the context of Request becomes done.
//
// A Deferred may be used on any goroutine, but not by several at once. The exception is Close,
// which may be called at any time. If Send and Close are called concurrently, the first one ends
// the Deferred.
type Deferred struct {
	*ResponseWriter
	// Request is a copy of the request. It remains valid after the handler has returned.
	Request *Request

	ended  atomic.Bool
	begun  time.Time       // when the handler was called, if its duration is measured
	reply  udp.Message     // holds the addresses of the response
	origin *ResponseWriter // gets the response if there is no server
}

// errEnded is returned by methods of a response that was sent, closed or deferred.
var errEnded error = endedError{}

type endedError struct{}

func (endedError) Error() string        { return "ohce: response sent, closed or deferred" }
func (endedError) Is(target error) bool { return target == net.ErrClosed }

// Defer returns a Deferred that holds the response written so far. r is the handler's request,
// which Defer copies. The handler can then return, and the server sends the response when the
// Deferred ends. After Defer, w cannot be written. Another call of Defer returns the same Deferred.
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
	case w.owner != nil: // d replaces the owner
		d.begun, d.reply, d.origin = w.owner.begun, w.owner.reply, w.owner.origin
		d.ended.Store(w.owner.ended.Swap(true))
	case w.shard != nil:
		m := w.request
		d.begun = w.begun
		d.reply = udp.Message{Peer: m.Peer, Local: m.Local, IfIndex: m.IfIndex}
		w.shard.guard.deferred.Store(true)
		w.shard.open.add()
	default:
		d.origin = w
	}
	w.deferred = d
	return d
}

// Send sends the response as one datagram. If nothing was written, it drops the request as
// DropSilent. The error is ErrTooLarge, an *OpError if the system refuses the datagram, or one for
// which errors.Is reports net.ErrClosed if the Deferred or the server has ended.
func (d *Deferred) Send() error { return d.end(d.outcome()) }

// Close drops the request as DropSilent. It has no effect if the Deferred has ended. The error is
// always nil.
func (d *Deferred) Close() error {
	d.end(DropSilent)
	return nil
}

// end ends d. If reason is DropNone, it sends the response. Otherwise it counts the request as
// dropped.
func (d *Deferred) end(reason DropReason) error {
	if d.ended.Swap(true) {
		return errEnded
	}
	var err error
	switch sh := d.shard; {
	case sh == nil:
		d.sendToOrigin(reason)
	case !sh.open.startEnding():
		err = ErrServerClosed // the server has ended and counted it
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

// finish sends the response, or counts the request as dropped for reason.
func (d *Deferred) finish(reason DropReason) error {
	sh := d.shard
	var dropped Drops
	took := unmeasured
	if !d.begun.IsZero() && reason != DropBusy && reason != DropDuplicate {
		took = time.Since(d.begun)
	}
	if reason == DropNone {
		reason = sh.guard.admitDeferred(d.Request, d.Bytes())
	}
	if reason != DropNone {
		dropped[reason]++
		sh.counters.ended(0, 0, &dropped, took)
		if reason == DropTooLarge {
			return ErrTooLarge
		}
		return nil
	}
	out := d.reply
	out.Buf = d.Bytes()
	err := sh.flush([]udp.Message{out}, &dropped, took)
	switch {
	case err == nil:
		return nil
	case udp.TooLong(err):
		return ErrTooLarge
	default:
		return &OpError{Op: "respond", Addr: out.Peer.String(), Err: err}
	}
}

// sendToOrigin copies the response to the writer of a handler that runs without a server.
func (d *Deferred) sendToOrigin(reason DropReason) {
	w := d.origin
	w.Reset()
	w.drop = reason
	if reason == DropNone {
		w.buf, w.written = append(w.buf, d.Bytes()...), true
	}
}

// serve calls h and ends d with its response. It ends d also if h panics or calls runtime.Goexit.
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
