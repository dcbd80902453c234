package ohce

import (
	"bytes"
	"net/netip"
	"time"
)

// entryOverhead is the memory in bytes that an entry takes besides its request and response: for
// the entry itself and in the map.
const entryOverhead = 448

// A requestKey identifies a request. A request and its retransmissions have equal keys.
type requestKey struct {
	source, local netip.AddrPort
	data          string
}

// A dedupEntry is a request and, once the handler has finished, its response.
type dedupEntry struct {
	key      requestKey
	finished bool
	written  bool // there is a response, possibly empty
	response []byte
	expires  time.Time
	next     *dedupEntry // the entry that finished after this one
}

func (e *dedupEntry) cost() int {
	return entryOverhead + allocated(len(e.key.data)) + allocated(len(e.response))
}

// allocated returns an upper bound of the memory that n bytes take. An allocator with size classes
// wastes up to an eighth.
func allocated(n int) int { return n + n/8 }

// A requestState is the state of a request when it arrives.
type requestState uint8

const (
	requestNew      requestState = iota // the handler must be called
	requestPending                      // the handler is running for an earlier copy
	requestFinished                     // the entry has the response
	requestRefused                      // there is no room for an entry
)

// A dedupStore stores requests and responses within limits of number, bytes and time. The limits
// hold at all times. To make room, the store discards the response that finished first. It never
// discards a request whose handler is running. It does no I/O, reads no clock and must not be used
// concurrently.
type dedupStore struct {
	maxEntries, maxBytes int
	lifetime             time.Duration

	entries        map[requestKey]*dedupEntry
	oldest, newest *dedupEntry // the finished entries, in the order of finishing
	stats          DeduplicatorStats
}

// begin looks up a request. A new request remains pending until finish or forget is called for its
// entry.
func (s *dedupStore) begin(now time.Time, source, local netip.AddrPort, data []byte) (
	*dedupEntry, requestState) {
	s.expire(now)
	// The conversion does not allocate in a map index.
	if e := s.entries[requestKey{source, local, string(data)}]; e != nil {
		if !e.finished {
			s.stats.Pending++
			return e, requestPending
		}
		s.stats.Hits++
		return e, requestFinished
	}
	cost := entryOverhead + allocated(len(data))
	for s.oldest != nil && (len(s.entries) >= s.maxEntries || s.stats.Bytes+cost > s.maxBytes) {
		s.evict()
	}
	if len(s.entries) >= s.maxEntries || s.stats.Bytes+cost > s.maxBytes {
		s.stats.Refused++
		return nil, requestRefused
	}
	e := &dedupEntry{key: requestKey{source, local, string(data)}}
	if s.entries == nil {
		s.entries = make(map[requestKey]*dedupEntry)
	}
	s.entries[e.key] = e
	s.stats.Bytes += cost
	return e, requestNew
}

// finish stores a copy of the response to a pending request for the lifetime. If written is false,
// it stores that there is no response.
func (s *dedupStore) finish(now time.Time, e *dedupEntry, response []byte, written bool) {
	e.finished, e.written, e.expires = true, written, now.Add(s.lifetime)
	if len(response) > 0 {
		e.response = bytes.Clone(response)
		s.stats.Bytes += allocated(len(response))
	}
	if s.newest == nil {
		s.oldest = e
	} else {
		s.newest.next = e
	}
	s.newest = e
	for s.oldest != nil && s.stats.Bytes > s.maxBytes {
		s.evict()
	}
}

// forget removes an entry.
func (s *dedupStore) forget(e *dedupEntry) {
	delete(s.entries, e.key)
	s.stats.Bytes -= e.cost()
}

// expire removes the entries whose lifetime has ended.
func (s *dedupStore) expire(now time.Time) {
	for s.oldest != nil && !now.Before(s.oldest.expires) {
		s.removeOldest()
	}
}

// evict removes the oldest finished entry to make room.
func (s *dedupStore) evict() {
	s.stats.Evicted++
	s.removeOldest()
}

func (s *dedupStore) removeOldest() {
	e := s.oldest
	if s.oldest = e.next; s.oldest == nil {
		s.newest = nil
	}
	e.next = nil // a caller may still hold e
	s.forget(e)
}
