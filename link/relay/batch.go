package relay

import (
	"iter"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// batches is a pool of batches for one socket each, so that an idle mapping holds none.
var batches = sync.Pool{New: func() any { return new(udp.Batch) }}

// newBatch returns an empty batch of messages for a socket.
func newBatch(conn udp.Tuning) *udp.Batch {
	b := batches.Get().(*udp.Batch)
	b.MaxSegments = conn.MaxSegments
	return b
}

// releaseBatch returns a batch to the pool, without the bytes that it refers to.
func releaseBatch(b *udp.Batch) {
	b.Reset()
	b.MaxSegments = nil
	batches.Put(b)
}

// datagrams yields the datagrams of a message and counts them. It yields none if they were truncated.
func datagrams(m *udp.Message, stats *DirectionStats) iter.Seq[[]byte] {
	stats.Received += uint64(m.Count())
	if m.Truncated {
		stats.Oversize += uint64(m.Count())
		return func(func([]byte) bool) {}
	}
	return m.Datagrams()
}

// deliver passes messages to the kernel and counts them.
func deliver(conn udp.Conn, ms []udp.Message, t *tally) {
	unsent := 0
	sent, unreachable := udp.SendAll(conn, ms, func(_, _ int, _ error) { unsent++ })
	t.sent.Add(uint64(sent))
	t.unsent.Add(uint64(unsent))
	t.unreachable.Add(uint64(unreachable))
}

// pause lets a loop whose reads fail wait. It ends early when the relay is closed.
func (r *Relay) pause(d time.Duration) {
	if d == 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.delays.closed:
	}
}
