package exchange

import (
	"hash/maphash"
	"math"
	"math/bits"
	"time"
)

// SingleAttempts is the state of requests that are sent once each on one socket, as measurements
// send them. It matches responses and classifies them. It does less than a [Machine] and takes a
// tenth of its time: it has no retransmissions, window or memory of the datagrams.
//
// It remembers the last requests in a ring: those in flight and, as far as there is room, those that
// have ended, so that it can recognise late responses and duplicates.
//
// With a [Matcher], it finds the request that a datagram answers by a hash of the key with a random
// seed. The probability that a datagram with another key has the hash of one of a million keys is
// 2⁻⁴⁴. Without a Matcher, the caller must know the number of that request.
//
// All times count from an instant that the caller chooses. The times of successive calls must not
// decrease. SingleAttempts must not be used concurrently.
type SingleAttempts struct {
	match   *Matcher
	timeout time.Duration
	seed    maphash.Seed
	key     []byte // its memory is reused

	ring    []attempt // the request n is at n modulo its length, a power of two
	table   []entry   // open addressing: the oldest attempt with each hash; nil without a Matcher
	next    uint64    // the number of the next request
	unsent  uint64    // the oldest request that is neither sent nor ended
	oldest  uint64    // no older request is in flight
	pending int
	highest uint64 // one more than the number of the latest answered request
	equal   uint64 // see Ambiguous
}

// An attempt is a request of SingleAttempts.
type attempt struct {
	hash      uint64 // of its key; without a Matcher, its number
	due, sent time.Duration
	younger   uint32 // index plus 1 of the next attempt with the same hash, 0 if none
	// In the oldest attempt with a hash:
	youngest uint32 // index of the last one
	first    uint32 // index of the first one that may be in flight
	state    attemptState
}

// An entry is an entry of the table: the index of an attempt plus 1, and half of its hash, so that a
// search does not read the attempts of other hashes. The zero value is free.
type entry struct{ index, hash uint32 }

type attemptState uint8

const (
	stateFree attemptState = iota
	stateQueued
	stateInFlight
	stateAnswered
	stateLost
	stateLate  // answered late
	stateEnded // refused or not sent
)

// An Arrival is what a datagram is to the requests that it may answer.
type Arrival struct {
	// Reason is the reason why the datagram is not a response in time: Late, Duplicate or
	// Unexpected. It is meaningful only if Answered is false.
	Reason Reason
	// Answered reports that the datagram answers request Number in time.
	Answered bool
	// Reordered reports that a later request has been answered before (RFC 4737, section 3.3).
	Reordered bool
	// Number is the number of the request, from 0. It is meaningless if Reason is Unexpected.
	Number uint64
	// Due and Sent are the times of the request.
	Due, Sent time.Duration
}

// NewSingleAttempts returns a SingleAttempts that remembers the given number of requests, at least
// 2 and rounded up to a power of two. A request waits for its response for timeout. match may be nil.
func NewSingleAttempts(match *Matcher, timeout time.Duration, remembered int) *SingleAttempts {
	size := 1 << bits.Len(uint(max(remembered, 2)-1))
	a := &SingleAttempts{match: match, timeout: timeout, ring: make([]attempt, size)}
	for i := range a.ring {
		a.ring[i].hash = math.MaxUint64 // so that the system provides the memory now
	}
	if match != nil {
		a.seed, a.table = maphash.MakeSeed(), make([]entry, 2*size)
	}
	return a
}

// Remembered returns the number of requests that it remembers, a power of two.
func (a *SingleAttempts) Remembered() int { return len(a.ring) }

// Pending returns the number of requests that are queued or in flight.
func (a *SingleAttempts) Pending() int { return a.pending }

// Ambiguous returns the number of requests that were added while an equal one had not been answered.
// Their responses may have been taken for each other's.
func (a *SingleAttempts) Ambiguous() uint64 { return a.equal }

// Full reports that the oldest remembered request is in flight, so that no request can be added.
func (a *SingleAttempts) Full() bool {
	s := a.at(a.next).state
	return s == stateQueued || s == stateInFlight
}

// Add adds a request that is due at a given time, and returns its number: 0, 1, 2 and so on. It must
// not be called if Full. The request is not in flight before Sent. Without a Matcher, data is not
// used. SingleAttempts does not retain it.
func (a *SingleAttempts) Add(due time.Duration, data []byte) uint64 {
	n := a.next
	slot := a.at(n)
	if a.match == nil {
		slot.hash, slot.due, slot.state = n, due, stateQueued
	} else {
		if slot.state != stateFree {
			a.forget(n)
		}
		a.key = a.match.RequestKey(a.key[:0], data)
		*slot = attempt{hash: maphash.Bytes(a.seed, a.key), due: due, state: stateQueued}
		a.remember(a.index(n))
	}
	a.next++
	a.pending++
	return n
}

// Skip leaves out the next number. It must not be called with a Matcher.
func (a *SingleAttempts) Skip() { a.next++ }

// Sent records that the queued requests with numbers below end were sent at a given time.
func (a *SingleAttempts) Sent(at time.Duration, end uint64) {
	for ; a.unsent < end; a.unsent++ {
		if s := a.at(a.unsent); s.state == stateQueued {
			s.state, s.sent = stateInFlight, at
		}
	}
}

// NotSent ends a queued request that the system refused to send.
func (a *SingleAttempts) NotSent(n uint64) {
	a.end(a.at(n), stateEnded)
}

// Received returns what a datagram is that arrived at a given time. First it ends the requests whose
// time has expired, and calls lost for each. It needs a Matcher.
func (a *SingleAttempts) Received(at time.Duration, data []byte, lost func(n uint64)) Arrival {
	a.Expire(at, lost)
	key := data
	if a.match.ResponseKey != nil {
		var ok bool
		if a.key, ok = a.match.ResponseKey(a.key[:0], data); !ok {
			return Arrival{Reason: Unexpected}
		}
		key = a.key
	}
	index, ok := a.find(maphash.Bytes(a.seed, key))
	if !ok {
		return Arrival{Reason: Unexpected}
	}
	return a.classify(&a.ring[index], a.number(index))
}

// ReceivedNumber is Received for a datagram that is the response to request n.
func (a *SingleAttempts) ReceivedNumber(at time.Duration, n uint64, lost func(n uint64)) Arrival {
	a.Expire(at, lost)
	s := a.at(n)
	if s.hash != n || s.state == stateFree {
		return Arrival{Reason: Unexpected} // never sent, or no longer remembered
	}
	return a.classify(s, n)
}

// classify returns what a datagram is that answers a request.
func (a *SingleAttempts) classify(s *attempt, n uint64) Arrival {
	arrival := Arrival{Number: n, Due: s.due, Sent: s.sent}
	switch s.state {
	case stateInFlight:
		a.end(s, stateAnswered)
		arrival.Answered = true
		arrival.Reordered = n < a.highest
		a.highest = max(a.highest, n+1)
	case stateLost:
		s.state = stateLate
		arrival.Reason = Late
	case stateAnswered, stateLate:
		arrival.Reason = Duplicate
	default: // not sent: the datagram cannot answer it
		arrival.Reason = Unexpected
	}
	return arrival
}

// Expire ends the requests that have waited for the timeout at now, and calls lost for each.
func (a *SingleAttempts) Expire(now time.Duration, lost func(n uint64)) {
	for {
		deadline, ok := a.Deadline()
		if !ok || now < deadline {
			return
		}
		a.end(a.at(a.oldest), stateLost)
		lost(a.oldest)
	}
}

// Deadline returns the time at which the next request expires. It returns false if none is in
// flight.
func (a *SingleAttempts) Deadline() (time.Duration, bool) {
	for ; a.oldest < a.unsent; a.oldest++ {
		if s := a.at(a.oldest); s.state == stateInFlight && !a.skipped(s, a.oldest) {
			return s.sent + a.timeout, true
		}
	}
	return 0, false
}

// skipped reports that number n was skipped, so that s is an older request.
func (a *SingleAttempts) skipped(s *attempt, n uint64) bool { return a.match == nil && s.hash != n }

// Unreachable ends all requests in flight, because the network reported that the server is
// unreachable, and returns their number. The report does not say which request caused it.
func (a *SingleAttempts) Unreachable() (ended int) {
	for n := a.oldest; n < a.unsent; n++ {
		if s := a.at(n); s.state == stateInFlight && !a.skipped(s, n) {
			a.end(s, stateEnded)
			ended++
		}
	}
	return ended
}

func (a *SingleAttempts) end(s *attempt, state attemptState) {
	s.state = state
	a.pending--
}

func (a *SingleAttempts) index(n uint64) uint32  { return uint32(n & uint64(len(a.ring)-1)) }
func (a *SingleAttempts) at(n uint64) *attempt   { return &a.ring[a.index(n)] }
func (a *SingleAttempts) slot(hash uint64) int   { return int(hash & uint64(len(a.table)-1)) }
func (a *SingleAttempts) following(slot int) int { return (slot + 1) & (len(a.table) - 1) }

// number returns the number of the request at an index.
func (a *SingleAttempts) number(index uint32) uint64 {
	back := (a.index(a.next) - 1 - index) & uint32(len(a.ring)-1)
	return a.next - 1 - uint64(back)
}

// locate returns the slot of the oldest attempt with a hash, or the free slot for one.
func (a *SingleAttempts) locate(hash uint64) int {
	slot := a.slot(hash)
	for {
		e := a.table[slot]
		if e.index == 0 || e.hash == uint32(hash) && a.ring[e.index-1].hash == hash {
			return slot
		}
		slot = a.following(slot)
	}
}

// find returns the index of the oldest attempt in flight with a hash or, if there is none, of the
// youngest attempt with it.
func (a *SingleAttempts) find(hash uint64) (index uint32, ok bool) {
	slot := a.locate(hash)
	if a.table[slot].index == 0 {
		return 0, false
	}
	oldest := &a.ring[a.table[slot].index-1]
	for {
		s := &a.ring[oldest.first]
		if s.state == stateInFlight || s.state == stateQueued || s.younger == 0 {
			return oldest.first, true
		}
		oldest.first = s.younger - 1
	}
}

// remember adds the attempt at an index to the table.
func (a *SingleAttempts) remember(index uint32) {
	s := &a.ring[index]
	slot := a.locate(s.hash)
	if a.table[slot].index == 0 {
		s.first, s.youngest = index, index
		a.table[slot] = entry{index + 1, uint32(s.hash)}
		return
	}
	oldest := &a.ring[a.table[slot].index-1]
	before := &a.ring[oldest.youngest]
	before.younger = index + 1
	switch before.state {
	case stateQueued, stateInFlight, stateLost:
		a.equal++
	}
	oldest.youngest = index
}

// forget removes the attempt whose place request n takes. It is the oldest with its hash.
func (a *SingleAttempts) forget(n uint64) {
	index := a.index(n)
	s := &a.ring[index]
	slot := a.locate(s.hash)
	if s.younger == 0 {
		a.vacate(slot)
		return
	}
	oldest := &a.ring[s.younger-1]
	oldest.youngest, oldest.first = s.youngest, s.first
	if s.first == index {
		oldest.first = s.younger - 1
	}
	a.table[slot].index = s.younger
}

// vacate frees a slot of the table. It moves the following entries that would otherwise no longer be
// found.
func (a *SingleAttempts) vacate(slot int) {
	for next := a.following(slot); a.table[next].index != 0; next = a.following(next) {
		home := a.slot(uint64(a.table[next].hash)) // the table has at most 2³² slots
		// The entry can move to the free slot unless its home is between that slot and its own.
		if (next-home)&(len(a.table)-1) >= (next-slot)&(len(a.table)-1) {
			a.table[slot] = a.table[next]
			slot = next
		}
	}
	a.table[slot] = entry{}
}
