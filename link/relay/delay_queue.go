package relay

import (
	"container/heap"
	"time"
)

// A delayQueue orders datagrams by the time at which they are due. It holds copies of them, in a
// bounded amount of memory. It has no clock: times are durations since an epoch of the caller's
// choice.
type delayQueue struct {
	maxBytes int
	heap     dueHeap
	serial   uint64 // of the last datagram
	bytes    int    // sum of delayed.cost
	free     []*delayed
}

// A delayed is a datagram in a delayQueue, or a free record for one.
type delayed struct {
	due     time.Duration
	serial  uint64 // orders datagrams with equal due times
	mapping *mapping
	data    []byte
	up      bool
}

// overhead is the memory in bytes that a datagram takes besides its data: 64 for the delayed, which
// is its size class, and 32 for its slot of 8 bytes in the heap, which grows before it is full and
// shrinks when three quarters are empty.
const overhead = 64 + 32

// The free list holds at most maxFree records with buffers of at most maxFreeBuffer bytes: about 2
// MiB.
const (
	maxFree       = 1024
	maxFreeBuffer = 2048
)

func (d *delayed) cost() int { return overhead + cap(d.data) }

// add queues a copy of data. It reports false if the queue would exceed maxBytes.
func (q *delayQueue) add(due time.Duration, m *mapping, up bool, data []byte) bool {
	if q.bytes+overhead+len(data) > q.maxBytes {
		return false
	}
	d := &delayed{}
	if n := len(q.free); n > 0 {
		d = q.free[n-1]
		q.free[n-1] = nil
		q.free = q.free[:n-1]
	}
	if cap(d.data) < len(data) {
		d.data = nil // append would double a small buffer
	}
	q.serial++
	d.due, d.serial, d.mapping, d.up = due, q.serial, m, up
	d.data = append(d.data[:0], data...)
	q.bytes += d.cost()
	heap.Push(&q.heap, d)
	return true
}

// next returns the due time of the first datagram. It reports false if the queue is empty.
func (q *delayQueue) next() (time.Duration, bool) {
	if len(q.heap) == 0 {
		return 0, false
	}
	return q.heap[0].due, true
}

// pop appends at most limit datagrams that are due at now. The caller returns each one with
// release.
func (q *delayQueue) pop(dst []*delayed, now time.Duration, limit int) []*delayed {
	for len(q.heap) > 0 && len(dst) < limit && q.heap[0].due <= now {
		dst = append(dst, heap.Pop(&q.heap).(*delayed))
	}
	return dst
}

// release frees the memory of a datagram from pop.
func (q *delayQueue) release(d *delayed) {
	q.bytes -= d.cost()
	d.mapping = nil
	if len(q.free) < maxFree && cap(d.data) <= maxFreeBuffer {
		q.free = append(q.free, d)
	}
}

// A dueHeap is a heap of datagrams; the first one is due first.
type dueHeap []*delayed

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].serial < h[j].serial
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(*delayed)) }
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	if c := cap(*h); c > maxFree && last < c/4 {
		*h = append(make(dueHeap, 0, c/2), *h...)
	}
	return d
}
