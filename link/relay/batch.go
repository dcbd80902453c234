package relay

import (
	"sync"

	"github.com/ohce/ohce/internal/udp"
)

// A batch is a list of messages for one socket. Batches are pooled, so that an idle mapping holds
// none.
type batch struct{ ms []udp.Message }

var batches = sync.Pool{New: func() any { return new(batch) }}

func newBatch() *batch { return batches.Get().(*batch) }

// release returns the batch to the pool, without the bytes that it refers to.
func (b *batch) release() {
	clear(b.ms)
	b.ms = b.ms[:0]
	batches.Put(b)
}

// deliver passes messages to the kernel and counts them.
func deliver(conn udp.Conn, ms []udp.Message, t *tally) {
	refused := 0
	sent := udp.Transmit(conn, ms, func(_, _ int, _ error) { refused++ })
	t.sent.Add(uint64(sent))
	t.unsent.Add(uint64(refused))
}
