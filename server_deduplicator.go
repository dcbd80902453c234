package ohce

import (
	"cmp"
	"log/slog"
	"sync"
	"time"
)

// The limits that apply to a Deduplicator whose fields are zero.
const (
	defaultDedupEntries  = 65_536
	defaultDedupBytes    = 64 << 20
	defaultDedupLifetime = 10 * time.Second
)

// A Deduplicator is a Handler that calls another handler once for a request and its
// retransmissions. It stores each response and sends it again when the same request arrives again
// (RFC 7252, section 4.2). Use it for a handler whose effects must not be repeated.
//
// Two requests are the same if they have equal bytes, come from the same address and port, and were
// sent to the same address. Two equal requests from one port therefore look like a request and its
// retransmission: within Lifetime the second gets the response to the first, and the handler does
// not run. So put an identifier into each request that no other request has, such as 16 random
// bytes. A [Client] without Match sends each request from another port, but the system can give
// that port to another client or process, so ports do not replace identifiers.
//
// If a program calls Exchange again after an error, the request leaves from another port, and the
// handler runs again. Only a handler that checks the identifier itself can prevent that.
//
// While the handler runs for a request, the server drops copies of the request as [DropDuplicate].
// A handler that uses [ResponseWriter.Defer] or [Concurrent] counts as running until its response
// is sent or dropped. The response to the first copy answers all of them. If the handler writes
// nothing or panics, later copies get no response either. If a Concurrent handler drops the request
// as [DropBusy], a later copy calls it again, because the handler did not run.
//
// The Deduplicator stores the response that Handler leaves in the writer. A handler that changes
// responses must be inside the Deduplicator, not around it.
//
// The guarantee is limited by memory and by the process. A Deduplicator that is full discards the
// oldest response, and a retransmission of that request calls the handler again: see Evicted in
// [DeduplicatorStats]. When the process restarts, all responses are lost.
//
// The zero value is ready for use. A Deduplicator may be shared by several shards and servers. The
// exported fields must not be changed after the first request.
type Deduplicator struct {
	// Handler responds to the requests. If nil, the Deduplicator echoes them.
	Handler Handler

	// MaxEntries is the maximum number of requests stored. If zero or negative, it is 65,536. If
	// the handler is still running for all of them, further requests are dropped as DropBusy.
	MaxEntries int

	// MaxBytes is the maximum memory in bytes, including 448 bytes for each request. If zero or
	// negative, it is 64 MiB.
	MaxBytes int

	// Lifetime is how long a response is stored after the handler has finished. It should be longer
	// than the retry schedule of the clients plus the delay of the network, and shorter than the
	// time after which a client reuses a port. If zero or negative, it is 10 s. This suits a
	// [Client] with default settings, which gives up after 1.5 s and does not use a port again for
	// ten seconds after its socket is closed. A client that makes more than 8,192 exchanges in that
	// time can use a port again earlier.
	Lifetime time.Duration

	mu    sync.Mutex
	store dedupStore
}

// DeduplicatorStats holds the counters of a Deduplicator. String formats them as one line. The JSON
// and log representations have the same fields.
type DeduplicatorStats struct {
	// Hits counts the retransmissions that arrived after the handler had finished.
	Hits uint64 `json:"hits"`
	// Pending counts the retransmissions that arrived while the handler was running.
	Pending uint64 `json:"pending"`
	// Evicted counts the responses that were discarded before the end of their lifetime.
	Evicted uint64 `json:"evicted"`
	// Refused counts the requests that were dropped because the handler was running for all stored
	// requests.
	Refused uint64 `json:"refused"`
	// Entries is the number of requests stored, and Bytes the memory in bytes that they take.
	Entries int `json:"entries"`
	Bytes   int `json:"bytes"`
}

// String returns the counters in one line.
func (s DeduplicatorStats) String() string { return statsText(s) }

// LogValue returns a group with an attribute for each field.
func (s DeduplicatorStats) LogValue() slog.Value { return statsGroup(s) }

// Stats returns the current counters of d.
func (d *Deduplicator) Stats() DeduplicatorStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.store.stats
	s.Entries = len(d.store.entries)
	return s
}

// ServeUDP responds to a retransmission from memory, and calls Handler for any other request.
func (d *Deduplicator) ServeUDP(w *ResponseWriter, r *Request) {
	d.mu.Lock()
	d.setLimits()
	e, state := d.store.begin(time.Now(), r.RemoteAddr, r.LocalAddr, r.Data)
	d.mu.Unlock()
	switch state {
	case requestNew:
		d.run(w, r, e)
	case requestFinished:
		w.Reset()
		if e.written { // no lock, because a finished entry does not change
			w.Write(e.response)
		}
	case requestPending:
		w.drop = DropDuplicate
	case requestRefused:
		w.drop = DropBusy
	}
}

// setLimits must be called with mu held.
func (d *Deduplicator) setLimits() {
	s := &d.store
	s.maxEntries = cmp.Or(max(d.MaxEntries, 0), defaultDedupEntries)
	s.maxBytes = cmp.Or(max(d.MaxBytes, 0), defaultDedupBytes)
	s.lifetime = cmp.Or(max(d.Lifetime, 0), defaultDedupLifetime)
}

// run calls the handler and stores its response. If the response is deferred, the observer stores
// it.
func (d *Deduplicator) run(w *ResponseWriter, r *Request, e *dedupEntry) {
	h := d.Handler
	if h == nil {
		h = HandlerFunc(echo)
	}
	outer := w.observer
	w.observer = &dedupObserver{d, e, outer}
	reason := DropPanic
	defer func() { // also after a panic or runtime.Goexit
		w.observer = outer
		if w.deferred == nil {
			d.end(e, w, reason)
		}
	}()
	h.ServeUDP(w, r)
	reason = w.outcome()
}

// end stores a response that ended for reason, which is DropNone if it was sent.
func (d *Deduplicator) end(e *dedupEntry, w *ResponseWriter, reason DropReason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch reason {
	case DropNone, DropUnsent:
		d.store.finish(time.Now(), e, w.Bytes(), true)
	case DropBusy:
		d.store.forget(e)
	default:
		d.store.finish(time.Now(), e, nil, false)
	}
}

// A dedupObserver stores a deferred response.
type dedupObserver struct {
	d     *Deduplicator
	e     *dedupEntry
	outer responseObserver // the observer of an enclosing Deduplicator; may be nil
}

func (o *dedupObserver) responseEnded(w *ResponseWriter, reason DropReason) {
	o.d.end(o.e, w, reason)
	if o.outer != nil {
		o.outer.responseEnded(w, reason)
	}
}
