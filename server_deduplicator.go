package ohce

import (
	"cmp"
	"log/slog"
	"sync"
	"time"
)

// The limits of a Deduplicator that has no others.
const (
	defaultDedupEntries  = 65_536
	defaultDedupBytes    = 64 << 20
	defaultDedupLifetime = 10 * time.Second
)

// A Deduplicator is a Handler that calls another one once for a request and its retransmissions.
// It remembers each response and sends it again when the same request arrives again (RFC 7252,
// section 4.2). Put it in front of a handler whose effects must not be repeated.
//
// Requests are the same if they have equal bytes, come from the same address and port, and were sent
// to the same address. On a wire without identifiers, two equal requests from one port cannot be told
// from a retransmission: within Lifetime the second one gets the first one's response. Clients that
// mean two requests must send them from different ports, as [Client.Exchange] does, or make them
// different.
//
// While the handler runs for a request, which takes longer than a call if it is deferred or
// [Concurrent], the server drops copies of the request as [DropDuplicate]. The response to the first
// copy answers them all. That a handler writes nothing or panics is remembered too. A request that
// a Concurrent handler drops as [DropBusy] is not remembered, because the handler did not run.
//
// The response is remembered as the handler leaves it. Handlers that change responses belong inside.
//
// The guarantee is bounded by memory. A Deduplicator that is full forgets the oldest response, and a
// retransmission of that request calls the handler again: see Evicted in [DeduplicatorStats]. A
// restart of the process forgets all responses.
//
// The zero value is ready for use. One Deduplicator can serve several shards and servers. The
// exported fields must not be changed after the first request.
type Deduplicator struct {
	// Handler answers the requests. If nil, it echoes them.
	Handler Handler

	// MaxEntries is the maximum number of requests remembered. If zero or negative, it is 65,536. If
	// the handler is still running for all of them, further requests are dropped as DropBusy.
	MaxEntries int

	// MaxBytes is the maximum memory in bytes, which includes 448 bytes for each entry. If zero or
	// negative, it is 64 MiB.
	MaxBytes int

	// Lifetime is how long a response is remembered after the handler has finished. It should be
	// longer than the retry schedule of the clients and the delay of the network, and shorter than
	// the time after which a client uses a port again. If zero or negative, it is 10 s: a [Client]
	// gives up after 1.5 s by default, and does not reuse a port for 12 s or 8,192 exchanges,
	// whichever is shorter.
	Lifetime time.Duration

	mu    sync.Mutex
	store dedupStore
}

// DeduplicatorStats counts what a Deduplicator has done. It prints as one line; its JSON and its log
// records have the same named fields.
type DeduplicatorStats struct {
	// Hits counts the retransmissions that got a remembered response, or none if there was none.
	Hits uint64 `json:"hits"`
	// Pending counts the retransmissions that arrived while the handler was running.
	Pending uint64 `json:"pending"`
	// Evicted counts the responses that were forgotten before the end of their lifetime.
	Evicted uint64 `json:"evicted"`
	// Refused counts the requests that were dropped because all entries were pending.
	Refused uint64 `json:"refused"`
	// Entries is the number of requests remembered, and Bytes the memory that they take.
	Entries int `json:"entries"`
	Bytes   int `json:"bytes"`
}

// String lists the counters in one line.
func (s DeduplicatorStats) String() string { return statsText(s) }

// LogValue returns a group with an attribute for each field.
func (s DeduplicatorStats) LogValue() slog.Value { return statsGroup(s) }

// Stats returns the counters of d.
func (d *Deduplicator) Stats() DeduplicatorStats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.store.stats
	s.Entries = len(d.store.entries)
	return s
}

// ServeUDP answers a retransmission from memory and calls the handler for any other request.
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
		if e.written { // a finished entry does not change
			w.Write(e.response)
		}
	case requestPending:
		w.drop = DropDuplicate
	case requestRefused:
		w.drop = DropBusy
	}
}

// setLimits is called with mu held.
func (d *Deduplicator) setLimits() {
	s := &d.store
	s.maxEntries = cmp.Or(max(d.MaxEntries, 0), defaultDedupEntries)
	s.maxBytes = cmp.Or(max(d.MaxBytes, 0), defaultDedupBytes)
	s.lifetime = cmp.Or(max(d.Lifetime, 0), defaultDedupLifetime)
}

// run calls the handler and remembers its response, or lets the deferred response report its end.
func (d *Deduplicator) run(w *ResponseWriter, r *Request, e *dedupEntry) {
	h := d.Handler
	if h == nil {
		h = HandlerFunc(echo)
	}
	outer := w.observer
	w.observer = &dedupObserver{d, e, outer}
	reason := DropPanic
	defer func() { // by a panic and runtime.Goexit too
		w.observer = outer
		if w.deferred == nil {
			d.end(e, w, reason)
		}
	}()
	h.ServeUDP(w, r)
	reason = w.outcome()
}

// end remembers a response that ended for a reason, DropNone if it was sent.
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

// A dedupObserver remembers a deferred response.
type dedupObserver struct {
	d     *Deduplicator
	e     *dedupEntry
	outer responseObserver // of a Deduplicator around d; may be nil
}

func (o *dedupObserver) responseEnded(w *ResponseWriter, reason DropReason) {
	o.d.end(o.e, w, reason)
	if o.outer != nil {
		o.outer.responseEnded(w, reason)
	}
}
