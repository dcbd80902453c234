package ohce

import (
	"fmt"
	"iter"
	"maps"
	"strings"
	"sync"

	"github.com/ohce/ohce/guard"
)

// A DropReason says why a datagram got no answer.
type DropReason uint8

const (
	// DropNone is no reason: the datagram was not dropped.
	DropNone DropReason = iota
	// DropOversize: the request is longer than the server's BufferSize.
	DropOversize
	// DropLoop: the guard found that the source is a server; see guard.Loops.
	DropLoop
	// DropRate: the guard found that the source sends more than it may.
	DropRate
	// DropDenied: the guard does not allow the source, the destination or the payload.
	DropDenied
	// DropSilent: the handler wrote nothing.
	DropSilent
	// DropPanic: the handler panicked.
	DropPanic
	// DropTooLarge: the response is longer than a datagram can be.
	DropTooLarge
	// DropBusy: a Concurrent handler had no room for another request, or had not come to it when the
	// server closed.
	DropBusy
	// DropUnsent: the system refused to send the response; Stats.WriteErrors says why.
	DropUnsent

	dropReasons // how many there are, DropNone included
)

var dropNames = [dropReasons]string{
	"none", "oversize", "loop", "rate", "denied", "silent", "panic", "too-large", "busy", "unsent",
}

// dropReason is the reason that a guard's verdict stands for.
func dropReason(v guard.Verdict) DropReason {
	switch v {
	case guard.Admitted:
		return DropNone
	case guard.DropLoop:
		return DropLoop
	case guard.DropRate:
		return DropRate
	default:
		return DropDenied
	}
}

// String is the reason's name in lower case, as metrics and summaries show it.
func (r DropReason) String() string {
	if r < dropReasons {
		return dropNames[r]
	}
	return "unknown"
}

// Drops counts dropped datagrams by reason: d[DropLoop] is how many were dropped as DropLoop.
type Drops [dropReasons]uint64

// Total is the sum over all reasons.
func (d *Drops) Total() uint64 {
	var sum uint64
	for _, n := range d {
		sum += n
	}
	return sum
}

// String lists the reasons that there are: "oversize 2, loop 1", or "none".
func (d *Drops) String() string {
	var parts []string
	for r, n := range d.All() {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%v %d", r, n))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// All yields each reason but DropNone with its count, zero ones too, always in the same order.
func (d *Drops) All() iter.Seq2[DropReason, uint64] {
	return func(yield func(DropReason, uint64) bool) {
		for r := DropNone + 1; r < dropReasons; r++ {
			if !yield(r, d[r]) {
				return
			}
		}
	}
}

// Stats is what a Server has done so far. At every moment
//
//	Received = Answered + Dropped.Total() + InFlight
type Stats struct {
	// Received counts the datagrams that the kernel handed over.
	Received uint64
	// Answered counts the responses that the kernel took.
	Answered uint64
	// Dropped counts the datagrams that got no answer, by reason.
	Dropped Drops
	// InFlight counts those that are neither answered nor dropped yet.
	InFlight uint64
	// KernelDropped counts the datagrams that the kernel threw away before they were received:
	// mostly for want of room in a socket's receive buffer. 0 where the system does not tell.
	KernelDropped uint64
	// ReadErrors counts the failed reads that the server went on after.
	ReadErrors uint64
	// WriteErrors counts the datagrams in Dropped[DropUnsent] by the system's name for the error,
	// such as "EPERM".
	WriteErrors map[string]uint64
}

// tally is the count of one socket.
type tally struct {
	mu sync.Mutex
	s  Stats
}

func (t *tally) received(n int) {
	t.mu.Lock()
	t.s.Received += uint64(n)
	t.s.InFlight += uint64(n)
	t.mu.Unlock()
}

// settled books the end of the way of some datagrams.
func (t *tally) settled(answered int, dropped *Drops) {
	n := uint64(answered) + dropped.Total()
	t.mu.Lock()
	t.s.InFlight -= n
	t.s.Answered += uint64(answered)
	for r, k := range dropped {
		t.s.Dropped[r] += k
	}
	t.mu.Unlock()
}

func (t *tally) readError() {
	t.mu.Lock()
	t.s.ReadErrors++
	t.mu.Unlock()
}

func (t *tally) writeError(name string) {
	t.mu.Lock()
	if t.s.WriteErrors == nil {
		t.s.WriteErrors = make(map[string]uint64)
	}
	t.s.WriteErrors[name]++
	t.mu.Unlock()
}

// addTo adds the counts to sum.
func (t *tally) addTo(sum *Stats) {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum.Received += t.s.Received
	sum.Answered += t.s.Answered
	sum.InFlight += t.s.InFlight
	sum.ReadErrors += t.s.ReadErrors
	for r, n := range t.s.Dropped {
		sum.Dropped[r] += n
	}
	if len(t.s.WriteErrors) > 0 && sum.WriteErrors == nil {
		sum.WriteErrors = maps.Clone(t.s.WriteErrors)
		return
	}
	for name, n := range t.s.WriteErrors {
		sum.WriteErrors[name] += n
	}
}
