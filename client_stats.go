package ohce

import (
	"log/slog"

	"github.com/ohce/ohce/internal/exchange"
)

// ClientStats holds the counters of a Client. String formats them as one line. The JSON and log
// representations have the same fields.
type ClientStats struct {
	// Exchanges counts the exchanges that have begun.
	Exchanges uint64 `json:"exchanges"`
	// Answered, Down and Failed count the exchanges that have ended: with a response, with
	// ErrServerDown, and with any other error.
	Answered uint64 `json:"answered"`
	Down     uint64 `json:"down"`
	Failed   uint64 `json:"failed" text:",omitzero"`
	// Attempts counts the datagrams that the kernel accepted.
	Attempts uint64 `json:"attempts"`
	// Unsent counts the datagrams that the kernel refused.
	Unsent uint64 `json:"unsent" text:",omitzero"`
	// PortUnreachable counts ICMP port unreachable messages.
	PortUnreachable uint64 `json:"port_unreachable" text:",omitzero"`
	// Unexpected, Oversize, Late, Duplicate and Overflow count the datagrams that were not
	// delivered. See IgnoreReason.
	Unexpected uint64 `json:"unexpected" text:",omitzero"`
	Oversize   uint64 `json:"oversize" text:",omitzero"`
	Late       uint64 `json:"late" text:",omitzero"`
	Duplicate  uint64 `json:"duplicate" text:",omitzero"`
	Overflow   uint64 `json:"overflow" text:",omitzero"`
	// KernelDropped counts the datagrams that the kernel dropped at the shared sockets of streams that
	// have ended, because the receive buffer was full. It is 0 if the system does not count them.
	KernelDropped uint64 `json:"kernel_dropped" text:"dropped by the kernel,omitzero"`
}

// String returns the counters in one line. It omits rare counters that are zero.
func (s ClientStats) String() string { return statsText(s) }

// LogValue returns a group with an attribute for each field.
func (s ClientStats) LogValue() slog.Value { return statsGroup(s) }

// Stats returns the current counters.
func (c *Client) Stats() ClientStats {
	n := &c.counters
	return ClientStats{
		Exchanges:       c.exchanges.Load(),
		Answered:        n.Answered.Load(),
		Down:            n.Down.Load(),
		Failed:          n.Failed.Load(),
		Attempts:        n.Sent.Load(),
		Unsent:          n.Unsent.Load(),
		PortUnreachable: n.Unreachable.Load(),
		Unexpected:      n.Ignored[exchange.Unexpected].Load(),
		Oversize:        n.Ignored[exchange.Oversize].Load(),
		Late:            n.Ignored[exchange.Late].Load(),
		Duplicate:       n.Ignored[exchange.Duplicate].Load(),
		Overflow:        n.Ignored[exchange.Overflow].Load(),
		KernelDropped:   c.kernelDropped.Load(),
	}
}
