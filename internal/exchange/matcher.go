package exchange

import (
	"bytes"
	"hash/maphash"
	"time"
)

// A Matcher finds the request that a response belongs to, by keys that both contain.
type Matcher struct {
	// RequestKey appends the key of a request to dst.
	RequestKey func(dst, request []byte) []byte
	// ResponseKey appends the key of a response to dst. It returns false if the datagram is not a
	// response. nil means that the response is the key; see Exact.
	ResponseKey func(dst, response []byte) ([]byte, bool)
	// Accept, if not nil, reports whether a response with the right key answers the request.
	Accept func(request, response []byte) bool
}

// exact reports whether the key of a request is the whole response to it. Requests with equal keys
// have equal responses then, so it does not matter which of them a response is assigned to.
func (m *Matcher) exact() bool { return m != nil && m.ResponseKey == nil }

// A table finds requests in flight by port and key.
type table struct {
	seed  maphash.Seed
	heads map[uint64]*Request // those with the same hash, oldest first
	tails map[uint64]*Request
	len   int
}

func (t *table) init() {
	if t.heads == nil {
		t.seed = maphash.MakeSeed()
		t.heads, t.tails = make(map[uint64]*Request), make(map[uint64]*Request)
	}
}

// hash is that of a key on a port.
func (t *table) hash(port Port, key []byte) uint64 {
	return maphash.Bytes(t.seed, key) + uint64(port)*0x9e3779b97f4a7c15
}

// add adds r, whose Port, key and hash are set.
func (t *table) add(r *Request) {
	if tail := t.tails[r.hash]; tail != nil {
		tail.next = r
	} else {
		t.heads[r.hash] = r
	}
	t.tails[r.hash] = r
	r.inTable = true
	t.len++
}

// find returns the oldest request with a key on a port, or nil.
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
	var before *Request
	for at := t.heads[r.hash]; at != r; at = at.next {
		before = at
	}
	switch {
	case before != nil:
		before.next = r.next
	case r.next != nil:
		t.heads[r.hash] = r.next
	default:
		delete(t.heads, r.hash)
		delete(t.tails, r.hash)
	}
	if r.next == nil && before != nil {
		t.tails[r.hash] = before
	}
	r.next, r.inTable = nil, false
	t.len--
}

// maxEnded is the number of exchanges that are remembered after their end.
const maxEnded = 1 << 15

// ended remembers, by the hash of port and key, the exchanges that have ended, the latest maxEnded
// of them. It tells late responses and duplicates from strangers, and keeps a key from being used
// again on a port too early.
type ended struct {
	byHash map[uint64]end
	order  queue[endRef]
	count  uint64
}

// An end is how and when an exchange ended.
type end struct {
	time     time.Time
	answered bool
	number   uint64 // of the latest exchange with this hash
}

type endRef struct{ hash, number uint64 }

func (e *ended) add(hash uint64, now time.Time, answered bool) {
	if e.byHash == nil {
		e.byHash = make(map[uint64]end)
	}
	if e.order.len() == maxEnded {
		if oldest := e.order.pop(); e.byHash[oldest.hash].number == oldest.number {
			delete(e.byHash, oldest.hash)
		}
	}
	e.count++
	e.order.push(endRef{hash, e.count})
	e.byHash[hash] = end{now, answered, e.count}
}

// reuse returns when a key may be used again on its port; the zero Time is at once.
func (e *ended) reuse(hash uint64) time.Time {
	end, ok := e.byHash[hash]
	if !ok {
		return time.Time{}
	}
	return end.time.Add(reuseDelay)
}

// reason returns why a datagram with this hash is ignored if no request is in flight.
func (e *ended) reason(hash uint64) Reason {
	end, ok := e.byHash[hash]
	switch {
	case !ok:
		return Unexpected
	case end.answered:
		return Duplicate
	default:
		return Late
	}
}
