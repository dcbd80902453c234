package ohce

import (
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"strings"

	"github.com/ohce/ohce/guard"
)

// A DropReason says why a datagram got no response.
type DropReason uint8

const (
	// DropNone means that the datagram was not dropped.
	DropNone DropReason = iota
	// DropOversize: the request is longer than Server.BufferSize.
	DropOversize
	// DropLoop: the guard found that the source is a server; see guard.Loops.
	DropLoop
	// DropRate: the guard found that the source sends more than it may.
	DropRate
	// DropDenied: the guard does not allow the source, the destination or the payload.
	DropDenied
	// DropSilent: the handler wrote nothing.
	DropSilent
	// DropPanic: the handler panicked. If it called runtime.Goexit on the goroutine of the shard,
	// all requests of the batch are dropped.
	DropPanic
	// DropTooLarge: the response is longer than a datagram can be.
	DropTooLarge
	// DropBusy: a Concurrent handler had no room for another request, or had not started it when the
	// server closed.
	DropBusy
	// DropDuplicate: a Deduplicator has passed the same request to its handler, which is still
	// running.
	DropDuplicate
	// DropUnsent: the system refused to send the response; ServerStats.WriteErrors says why.
	DropUnsent

	dropReasons // their number, including DropNone
)

var dropNames = [dropReasons]string{
	"none", "oversize", "loop", "rate", "denied", "silent", "panic", "too-large", "busy", "duplicate",
	"unsent",
}

// dropReason returns the reason for a guard's verdict.
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

// String returns the reason's name in lower case, as metrics and summaries show it.
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

// fieldName returns the reason's name in snake case.
func (r DropReason) fieldName() string { return strings.ReplaceAll(r.String(), "-", "_") }
