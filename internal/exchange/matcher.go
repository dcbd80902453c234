package exchange

import (
	"bytes"
	"hash/maphash"
	"time"
)

// A Matcher finds the request that a response belongs to, by a key that it extracts from each.
type Matcher struct {
	// RequestKey appends the key of a request to dst.
	RequestKey func(dst, request []byte) []byte
	// ResponseKey appends the key of a response to dst. It returns false if the datagram is not a
	// response. If nil, the whole response is the key.
	ResponseKey func(dst, response []byte) ([]byte, bool)
	// Accept, if not nil, reports whether a response answers the request with the same key.
	Accept func(request, response []byte) bool
}

// exact reports whether the key of a request is the whole response to it. Requests with equal keys
// then have equal responses, and any of them can accept the response.
func (m *Matcher) exact() bool { return m != nil && m.ResponseKey == nil }

// A table finds requests in flight by port and key. init must be called before use.
type table struct {
	seed maphash.Seed
	// heads holds the oldest request for each hash. Its tail is the latest.
	heads map[uint64]*Request
	len   int
}

func (t *table) init() {
	t.seed = maphash.MakeSeed()
	t.heads = make(map[uint64]*Request)
}

// hash returns the hash of a port and a key.
func (t *table) hash(port Port, key []byte) uint64 {
	return maphash.Bytes(t.seed, key) + uint64(port)*0x9e3779b97f4a7c15
}

// add adds r. Its Port, key and hash must be set.
func (t *table) add(r *Request) {
	if head := t.heads[r.hash]; head != nil {
		head.tail.next = r
		head.tail = r
	} else {
		t.heads[r.hash] = r
		r.tail = r
	}
	r.inTable = true
	t.len++
}

// find returns the oldest request with the given port and key, or nil.
func (t *table) find(hash uint64, port Port, key []byte) *Request {
	r := t.heads[hash]
	for r != nil && (r.Port != port || !bytes.Equal(r.key, key)) {
		r = r.next
	}
	return r
}

// remove removes r if it is in the table.
func (t *table) remove(r *Request) {
	if !r.inTable {
		return
	}
	head := t.heads[r.hash]
	switch {
	case head != r:
		before := head
		for before.next != r {
			before = before.next
		}
		if before.next = r.next; r.next == nil {
			head.tail = before
		}
	case r.next != nil:
		r.next.tail = r.tail
		t.heads[r.hash] = r.next
	default:
		delete(t.heads, r.hash)
	}
	r.next, r.tail, r.inTable = nil, nil, false
	t.len--
}

// The minimum numbers of ended exchanges that are remembered: maxReserved to prevent the reuse of
// keys, maxDuplicates to recognise duplicates if keys may be reused.
const (
	maxReserved   = 1 << 15
	maxDuplicates = 1 << 12
)

// rememberedFor is the minimum time that an exchange is remembered, unless so many end after it. It
// bounds the memory of a stream with few requests a second. No datagram is expected to arrive later,
// and reuseDelay is shorter.
const rememberedFor = 5 * time.Minute

// endedExchanges remembers the exchanges that have ended, by the hash of port and key. It
// distinguishes late responses and duplicates from unexpected datagrams, and prevents the reuse of
// a key on a port. It has two generations. When the young one is full or rememberedFor has passed
// since its beginning, it becomes the old one, and the previous old one is discarded.
type endedExchanges struct {
	limit      int // the size of a generation
	young, old map[uint64]endRecord
	begun      time.Time // of the young generation
}

// An endRecord holds the end of an exchange.
type endRecord struct {
	time     time.Time
	answered bool
}

func (e *endedExchanges) add(hash uint64, now time.Time, answered bool) {
	if e.young == nil || len(e.young) >= e.limit || now.Sub(e.begun) >= rememberedFor {
		e.young, e.old, e.begun = e.old, e.young, now
		clear(e.young)
		if e.young == nil {
			e.young = make(map[uint64]endRecord)
		}
	}
	e.young[hash] = endRecord{now, answered}
}

func (e *endedExchanges) find(hash uint64) (endRecord, bool) {
	if end, ok := e.young[hash]; ok {
		return end, true
	}
	end, ok := e.old[hash]
	return end, ok
}

// reuse returns the time from which a key may be used again on its port. The zero Time means that
// it may be used now.
func (e *endedExchanges) reuse(hash uint64) time.Time {
	end, ok := e.find(hash)
	if !ok {
		return time.Time{}
	}
	return end.time.Add(reuseDelay)
}

// reason returns the reason why a datagram with this hash is ignored if it answers no request in
// flight.
func (e *endedExchanges) reason(hash uint64) Reason {
	end, ok := e.find(hash)
	switch {
	case !ok:
		return Unexpected
	case end.answered:
		return Duplicate
	default:
		return Late
	}
}
