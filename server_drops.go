package ohce

import (
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"strings"

	"github.com/ohce/ohce/guard"
)

// A DropReason is the reason why a datagram got no response.
type DropReason uint8

const (
	// DropNone means that the datagram was not dropped.
	DropNone DropReason = iota
	// DropOversize means that the request is longer than Server.BufferSize.
	DropOversize
	// DropLoop means that the guard takes the source for a server. See guard.Loops.
	DropLoop
	// DropRate means that the source sends more than the guard allows.
	DropRate
	// DropDenied means that the guard does not allow the source, the destination or the payload.
	DropDenied
	// DropSilent means that the handler wrote nothing.
	DropSilent
	// DropPanic means that the handler panicked. If it called runtime.Goexit on the goroutine of
	// the shard, all requests of the batch are counted.
	DropPanic
	// DropTooLarge means that the response is longer than a datagram can be.
	DropTooLarge
	// DropBusy means that the queue of a Concurrent handler was full, or that the server was closed
	// before the handler was called.
	DropBusy
	// DropDuplicate means that the handler of a Deduplicator was still running for the same
	// request.
	DropDuplicate
	// DropUnsent means that the response was not sent: the system refused it, or the server was
	// closed first. ServerStats.WriteErrors counts the reasons.
	DropUnsent

	dropReasons // the number of reasons, including DropNone
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

// String returns the name of the reason in lower case, as used in summaries.
func (r DropReason) String() string {
	if r < dropReasons {
		return dropNames[r]
	}
	return "unknown"
}

// Drops holds the numbers of dropped datagrams by reason. For example, d[DropLoop] is the number
// dropped as DropLoop.
type Drops [dropReasons]uint64

// Total returns the number of dropped datagrams.
func (d Drops) Total() uint64 {
	var sum uint64
	for _, n := range d {
		sum += n
	}
	return sum
}

// String returns the counters that are not zero, as in "oversize 2, loop 1". If all are zero, it
// returns "none".
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

// All returns an iterator over all reasons but DropNone, with their counters, in a fixed order.
func (d Drops) All() iter.Seq2[DropReason, uint64] {
	return func(yield func(DropReason, uint64) bool) {
		for r := DropNone + 1; r < dropReasons; r++ {
			if !yield(r, d[r]) {
				return
			}
		}
	}
}

// MarshalJSON returns a JSON object with a field for each reason, such as "too_large".
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

// fieldName returns the name of the reason in snake case.
func (r DropReason) fieldName() string { return strings.ReplaceAll(r.String(), "-", "_") }
