package ohce

import (
	"bytes"
	"net/netip"
	"time"
)

// entryOverhead is the memory in bytes that an entry takes besides its request and its response: the
// entry itself and its place in the map.
const entryOverhead = 448

// A requestKey identifies a request. The retransmissions of a request have equal keys.
type requestKey struct {
	source, local netip.AddrPort
	data          string
}

// A dedupEntry is a request and, once the handler has finished, its response.
type dedupEntry struct {
	key      requestKey
	finished bool
	written  bool // there is a response, of any length
	response []byte
	expires  time.Time
	next     *dedupEntry // the entry that finished after this one
}

func (e *dedupEntry) cost() int {
	return entryOverhead + allocated(len(e.key.data)) + allocated(len(e.response))
}

// allocated returns at least the memory that n bytes take: an allocator with size classes wastes up
// to an eighth.
func allocated(n int) int { return n + n/8 }

// A requestState is what a dedupStore knows of a request that arrives.
type requestState uint8

const (
	requestNew      requestState = iota // the handler must run
	requestPending                      // the handler runs for an earlier copy
	requestFinished                     // the entry has the response
	requestRefused                      // there is no room to remember it
)

// A dedupStore remembers requests and responses, bounded in entries, bytes and time. The bounds
// hold at all times. To make room it forgets the response that finished first; it never forgets a
// request whose handler runs. It does no I/O, reads no clock and is for one goroutine.
type dedupStore struct {
	maxEntries, maxBytes int
	lifetime             time.Duration

	entries        map[requestKey]*dedupEntry
	oldest, newest *dedupEntry // the finished entries, in the order of finishing
	stats          DeduplicatorStats
}

// begin looks up a request. A new one is pending until finish or forget.
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

// finish remembers the response to a pending request for the lifetime. If written is false, it
// remembers that there is none. It copies response.
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

// forget removes a pending request, whose handler did not run.
func (s *dedupStore) forget(e *dedupEntry) {
	delete(s.entries, e.key)
	s.stats.Bytes -= e.cost()
}

// expire removes the entries whose lifetime is over.
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
	e.next = nil // e may be in use
	s.forget(e)
}
