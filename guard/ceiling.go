package guard

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// A Ceiling is a Guard that limits the requests of all sources together, so that a server leaves
// capacity to others on the machine. Its rules drop requests as DropRate. It must not be copied.
type Ceiling struct {
	// Rate is the number of requests a second. If zero or negative, nothing is limited.
	Rate float64

	// Burst is the number of requests that are admitted at once after an idle period. If zero or
	// negative, it is a tenth of Rate, at least 1.
	Burst float64

	clock sharedClock
	full  atomic.Int64 // when the bucket is full again, in ns of clock
}

// NewRule returns c, which all shards share.
func (c *Ceiling) NewRule([]netip.AddrPort) Rule { return c }

// Admit counts d if it is admitted. It is the virtual scheduling algorithm of ITU-T I.371: a
// request costs 1/Rate of time, and the requests of all sources together may be ahead of time by
// the cost of Burst requests.
func (c *Ceiling) Admit(now time.Time, _ *Datagram) Verdict {
	if c.Rate <= 0 {
		return Admitted
	}
	burst := c.Burst
	if burst <= 0 {
		burst = max(1, c.Rate/10)
	}
	cost := int64(float64(time.Second) / c.Rate)
	most := int64(burst * float64(time.Second) / c.Rate)
	at := int64(c.clock.since(now))
	for {
		full := c.full.Load()
		next := max(full, at) + cost
		if next-at > most+cost/1000 {
			return DropRate
		}
		if c.full.CompareAndSwap(full, next) {
			return Admitted
		}
	}
}
