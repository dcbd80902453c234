package ohce

import "github.com/ohce/ohce/internal/exchange"

// ClientStats counts what a Client has done.
type ClientStats struct {
	// Exchanges counts the exchanges begun.
	Exchanges uint64
	// Answered, Down and Failed count those that have ended: with a response, with ErrServerDown,
	// and with another error.
	Answered, Down, Failed uint64
	// Attempts counts the datagrams that the kernel took.
	Attempts uint64
	// Unsent counts the datagrams that the kernel refused.
	Unsent uint64
	// PortUnreachable counts ICMP port unreachable messages.
	PortUnreachable uint64
	// Unexpected, Oversize, Late, Duplicate and Overflow count the datagrams that were not
	// delivered; see IgnoreReason.
	Unexpected, Oversize, Late, Duplicate, Overflow uint64
}

// Stats returns what the client has done so far.
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
	}
}
