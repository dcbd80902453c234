package relay

import (
	"iter"
	"sync/atomic"

	"github.com/ohce/ohce/link"
)

// DirectionStats counts datagrams of one direction of a Relay. After Close
//
//	Received = Seen + Oversize (+ Stats.NoMapping, AddressLimit, PortLimit and Loop for requests)
//	Delivered + Duplicated = Sent + Unsent + BufferFull + Unmapped + Delayed
type DirectionStats struct {
	// Received counts the datagrams that the relay read. Oversize counts those that were longer
	// than the relay's buffer.
	Received uint64 `json:"received"`
	Oversize uint64 `json:"oversize"`

	// Stats counts the decisions of the link.
	link.Stats

	// Sent counts the datagrams that the relay passed to the kernel. Unsent counts those that the
	// kernel refused.
	Sent   uint64 `json:"sent"`
	Unsent uint64 `json:"unsent"`
	// BufferFull counts datagrams dropped because the delayed ones already take MaxBytes.
	BufferFull uint64 `json:"buffer_full"`
	// Unmapped counts responses dropped because the client has a newer mapping, because the mapping is
	// being closed, or because they would be delayed during Shutdown.
	Unmapped uint64 `json:"unmapped"`
	// Delayed is the number of datagrams that wait for their arrival time.
	Delayed uint64 `json:"delayed"`
	// KernelDropped counts the datagrams that the kernel dropped before the relay read them.
	KernelDropped uint64 `json:"kernel_dropped"`
}

// All returns an iterator over the counters with their names in JSON.
func (s DirectionStats) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		if !yield("received", s.Received) || !yield("oversize", s.Oversize) {
			return
		}
		for name, n := range s.Stats.All() {
			if !yield(name, n) {
				return
			}
		}
		_ = yield("sent", s.Sent) &&
			yield("unsent", s.Unsent) &&
			yield("buffer_full", s.BufferFull) &&
			yield("unmapped", s.Unmapped) &&
			yield("delayed", s.Delayed) &&
			yield("kernel_dropped", s.KernelDropped)
	}
}

// Stats holds the counters of a Relay.
type Stats struct {
	Up   DirectionStats `json:"up"`
	Down DirectionStats `json:"down"`

	// Mappings is the number of open mappings. Opened counts all mappings, Expired those that the
	// relay closed after IdleTimeout, and Evicted those that it closed to make room for new ones.
	Mappings uint64 `json:"mappings"`
	Opened   uint64 `json:"opened"`
	Expired  uint64 `json:"expired"`
	Evicted  uint64 `json:"evicted"`
	// NoMapping counts requests dropped because no mapping could be opened.
	NoMapping uint64 `json:"no_mapping"`
	// AddressLimit counts requests dropped because they needed a new mapping beyond
	// MaxNewMappingsPerAddress, or beyond MaxMappingsPerAddress if none could be closed.
	AddressLimit uint64 `json:"address_limit"`
	// PortLimit counts requests dropped because they needed a new mapping beyond MaxNewMappings.
	PortLimit uint64 `json:"port_limit"`
	// Loop counts requests dropped because they had passed the relay before, had no hop left, or had
	// the server's address as their source.
	Loop uint64 `json:"loop"`
	// PortUnreachable counts ICMP port unreachable messages from the server's address.
	PortUnreachable uint64 `json:"port_unreachable"`
	// ReadErrors counts other read errors. The relay continues after them.
	ReadErrors uint64 `json:"read_errors"`
}

// All returns an iterator over the counters that belong to no direction, with their names in JSON.
func (s Stats) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		_ = yield("mappings", s.Mappings) &&
			yield("opened", s.Opened) &&
			yield("expired", s.Expired) &&
			yield("evicted", s.Evicted) &&
			yield("no_mapping", s.NoMapping) &&
			yield("address_limit", s.AddressLimit) &&
			yield("port_limit", s.PortLimit) &&
			yield("loop", s.Loop) &&
			yield("port_unreachable", s.PortUnreachable) &&
			yield("read_errors", s.ReadErrors)
	}
}

// A tally holds the counters of one direction that are updated without the relay's lock.
type tally struct{ sent, unsent, unreachable, readErrors atomic.Uint64 }
