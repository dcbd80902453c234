package ohce

import (
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
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
	// DropUnsent: the system refused to send the response; ServerStats.WriteErrors says why.
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

// Drops counts dropped datagrams by reason: d[DropLoop] is the number dropped as DropLoop.
type Drops [dropReasons]uint64

// Total returns the sum over all reasons.
func (d Drops) Total() uint64 {
	var sum uint64
	for _, n := range d {
		sum += n
	}
	return sum
}

// String lists the reasons whose counters are not zero, such as "oversize 2, loop 1", or returns
// "none".
func (d Drops) String() string {
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

// All yields each reason but DropNone with its counter, zero or not, always in the same order.
func (d Drops) All() iter.Seq2[DropReason, uint64] {
	return func(yield func(DropReason, uint64) bool) {
		for r := DropNone + 1; r < dropReasons; r++ {
			if !yield(r, d[r]) {
				return
			}
		}
	}
}

// MarshalJSON returns an object with a field for each reason, such as "too_large".
func (d Drops) MarshalJSON() ([]byte, error) {
	fields := make(map[string]uint64, len(d))
	for r, n := range d.All() {
		fields[r.fieldName()] = n
	}
	return json.Marshal(fields)
}

// LogValue returns a group with an attribute for each reason.
func (d Drops) LogValue() slog.Value {
	var attrs []slog.Attr
	for r, n := range d.All() {
		attrs = append(attrs, slog.Uint64(r.fieldName(), n))
	}
	return slog.GroupValue(attrs...)
}

// fieldName is the reason's name in snake case.
func (r DropReason) fieldName() string { return strings.ReplaceAll(r.String(), "-", "_") }

// ServerStats counts what a Server has done. At every moment
//
//	Received = Answered + Dropped.Total() + InFlight
//
// It prints as one line; its JSON and its log records have the same named fields.
type ServerStats struct {
	// Received counts the datagrams that the kernel delivered to the server.
	Received uint64 `json:"received"`
	// Answered counts the responses that the kernel accepted.
	Answered uint64 `json:"answered"`
	// Dropped counts the datagrams that got no response, by reason.
	Dropped Drops `json:"dropped"`
	// InFlight is the number of datagrams that are neither answered nor dropped yet.
	InFlight uint64 `json:"in_flight" text:",omitzero"`
	// KernelDropped counts the datagrams dropped by the kernel before the server could read them,
	// mostly because the receive buffer was full. It is 0 if the system does not report them.
	KernelDropped uint64 `json:"kernel_dropped" text:"dropped by the kernel"`
	// ReadErrors counts the failed reads after which the server continued.
	ReadErrors uint64 `json:"read_errors" text:",omitzero"`
	// WriteErrors counts the datagrams in Dropped[DropUnsent] by the system's name for the error,
	// such as "EPERM".
	WriteErrors map[string]uint64 `json:"write_errors,omitempty" text:",omitzero"`
}

// String lists the counters in one line, without the rare ones that are zero.
func (s ServerStats) String() string { return statsText(s) }

// LogValue returns a group with an attribute for each field.
func (s ServerStats) LogValue() slog.Value { return statsGroup(s) }

// tally is the count of one socket.
type tally struct {
	mu sync.Mutex
	s  ServerStats
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
func (t *tally) addTo(sum *ServerStats) {
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
