package ohce

import (
	"log/slog"
	"maps"
	"sync"
	"time"
)

// ServerStats holds the counters of a Server. At any moment
//
//	Received = Answered + Dropped.Total() + InFlight
//
// String formats the counters as one line. The JSON and log representations have the same fields.
type ServerStats struct {
	// Received counts the datagrams that the kernel delivered to the server.
	Received uint64 `json:"received"`
	// Answered counts the responses that the kernel accepted.
	Answered uint64 `json:"answered"`
	// Dropped counts the datagrams that got no response, by reason.
	Dropped Drops `json:"dropped"`
	// InFlight is the number of datagrams that have been neither answered nor dropped yet.
	InFlight uint64 `json:"in_flight" text:",omitzero"`
	// KernelDropped counts the datagrams that the kernel dropped before the server could read them,
	// because the receive buffer was full or because of DenyInKernel. It is 0 if the system does not
	// report them.
	KernelDropped uint64 `json:"kernel_dropped" text:"dropped by the kernel"`
	// ReadErrors counts the read errors after which the server continued.
	ReadErrors uint64 `json:"read_errors" text:",omitzero"`
	// WriteErrors counts the datagrams in Dropped[DropUnsent] by the name of the system error, such
	// as "EPERM".
	WriteErrors map[string]uint64 `json:"write_errors,omitempty" text:",omitzero"`
}

// String returns the counters in one line. It omits rare counters that are zero.
func (s ServerStats) String() string { return statsText(s) }

// LogValue returns a group with an attribute for each field.
func (s ServerStats) LogValue() slog.Value { return statsGroup(s) }

// unmeasured is the duration of a call of the handler that was not measured.
const unmeasured time.Duration = -1

// serverCounters holds the counters of one shard.
type serverCounters struct {
	mu sync.Mutex
	s  ServerStats

	requestBytes, responseBytes uint64
	reads                       ReadSizes
	handlerTimes                DurationHistogram
}

// received counts the datagrams of one read, and their bytes.
func (c *serverCounters) received(datagrams, bytes int) {
	c.mu.Lock()
	c.s.Received += uint64(datagrams)
	c.s.InFlight += uint64(datagrams)
	c.requestBytes += uint64(bytes)
	c.reads.record(datagrams)
	c.mu.Unlock()
}

// ended counts datagrams that have been answered, with responses of so many bytes, or dropped. If
// took is not negative, it is how long one call of the handler took.
func (c *serverCounters) ended(answered, bytes int, dropped *Drops, took time.Duration) {
	n := uint64(answered) + dropped.Total()
	c.mu.Lock()
	if took >= 0 {
		c.handlerTimes.record(took)
	}
	c.responseBytes += uint64(bytes)
	c.s.InFlight -= n
	c.s.Answered += uint64(answered)
	for r, k := range dropped {
		c.s.Dropped[r] += k
	}
	c.mu.Unlock()
}

func (c *serverCounters) readError() {
	c.mu.Lock()
	c.s.ReadErrors++
	c.mu.Unlock()
}

func (c *serverCounters) writeError(name string) {
	c.mu.Lock()
	if c.s.WriteErrors == nil {
		c.s.WriteErrors = make(map[string]uint64)
	}
	c.s.WriteErrors[name]++
	c.mu.Unlock()
}

// finish counts the datagrams in flight when the shard has ended: n deferred responses that the
// server ended, and the batch of a handler that called runtime.Goexit.
func (c *serverCounters) finish(n int) {
	for range n {
		c.writeError("closed")
	}
	c.mu.Lock()
	lost := c.s.InFlight - uint64(n)
	c.mu.Unlock()
	c.ended(0, 0, &Drops{DropUnsent: uint64(n), DropPanic: lost}, unmeasured)
}

// addTo adds the counters to sum.
func (c *serverCounters) addTo(sum *ServerStats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addLockedTo(sum)
}

// addLockedTo is addTo with mu held.
func (c *serverCounters) addLockedTo(sum *ServerStats) {
	sum.Received += c.s.Received
	sum.Answered += c.s.Answered
	sum.InFlight += c.s.InFlight
	sum.ReadErrors += c.s.ReadErrors
	for r, n := range c.s.Dropped {
		sum.Dropped[r] += n
	}
	if len(c.s.WriteErrors) > 0 && sum.WriteErrors == nil {
		sum.WriteErrors = maps.Clone(c.s.WriteErrors)
		return
	}
	for name, n := range c.s.WriteErrors {
		sum.WriteErrors[name] += n
	}
}
