package ohce

import (
	"errors"
	"sync/atomic"
	"time"
)

// How a breaker decides.
const (
	// breakerDowns is how many exchanges of a stream must end as down, without one answer since the first
	// of them began, until those behind them are not tried.
	breakerDowns = 8
	// breakerHold is for how long after the last of them.
	breakerHold = time.Second
)

// errNotTried is the cause of an exchange that a breaker ended.
var errNotTried = errors.New("not sent, for nothing had answered the requests before it")

// A breaker keeps a stream from waiting for its whole schedule over and over while its server is down:
// what comes in the second after several exchanges in a row have found nobody is down too. Its zero
// value lets everything through. Times are wall clock, in nanoseconds.
type breaker struct {
	downs atomic.Int32 // in a row
	last  atomic.Int64 // when the last of them ended
	heard atomic.Int64 // when the last answer came
}

// answered takes note of an answer.
func (b *breaker) answered(now time.Time) {
	b.heard.Store(now.UnixNano())
	b.downs.Store(0)
}

// down takes note of an exchange that got no answer. While it lasted others may have: then it says
// nothing of the server.
func (b *breaker) down(begun, now time.Time) {
	if b.heard.Load() >= begun.UnixNano() {
		return
	}
	b.downs.Add(1)
	b.last.Store(now.UnixNano())
}

// holds reports whether requests are not to be tried now.
func (b *breaker) holds(now time.Time) bool {
	return b.downs.Load() >= breakerDowns && now.UnixNano()-b.last.Load() < int64(breakerHold)
}
