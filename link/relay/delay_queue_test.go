package relay

import (
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
	"time"
)

// heapInUse returns the bytes of reachable objects.
func heapInUse() int {
	runtime.GC()
	runtime.GC() // a second time for what sync.Pool holds
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// fill adds datagrams until the queue is full, and returns how many.
func fill(t *testing.T, q *delayQueue, size func() int) int {
	t.Helper()
	data := make([]byte, 1<<16)
	for n := range 5_000_000 {
		if !q.add(time.Duration(n), nil, true, data[:size()]) {
			return n
		}
	}
	t.Fatal("the queue takes 5,000,000 datagrams")
	return 0
}

// drain releases all datagrams.
func drain(q *delayQueue) (n int) {
	var due []*delayed
	for {
		if due = q.pop(due[:0], 1<<62, 256); len(due) == 0 {
			return n
		}
		for _, d := range due {
			q.release(d)
		}
		n += len(due)
	}
}

// TestMemory fills a queue with datagrams of several sizes, more than once. The heap must grow by
// no more than maxBytes, and must shrink when the queue is empty.
func TestMemory(t *testing.T) {
	const maxBytes = 16 << 20
	for _, tt := range []struct {
		name  string
		size  func() int
		rests int // bytes that may remain when the queue is empty
	}{
		{"empty", func() int { return 0 }, 1 << 20},
		{"small", func() int { return 64 }, 1 << 20},
		{"1,200 bytes", func() int { return 1200 }, 3 << 20},
		{"mixed", func() int { return rand.IntN(65_507) }, 3 << 20},
		{"largest", func() int { return 65_507 }, 1 << 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			q := &delayQueue{maxBytes: maxBytes}
			before := heapInUse()
			for range 2 {
				n := fill(t, q, tt.size)
				if grown := heapInUse() - before; grown > maxBytes+maxBytes/50 {
					t.Errorf("%d datagrams take %d bytes, want at most %d", n, grown, maxBytes)
				} else if grown < maxBytes/2 {
					t.Errorf("%d datagrams take %d bytes only: the queue is full too early", n, grown)
				}
				if m := drain(q); m != n || q.bytes != 0 {
					t.Errorf("%d of %d datagrams are due, %d bytes are charged for none", m, n, q.bytes)
				}
				if left := heapInUse() - before; left > tt.rests {
					t.Errorf("an empty queue keeps %d bytes, want at most %d", left, tt.rests)
				}
			}
			runtime.KeepAlive(q)
		})
	}
}

func TestOverhead(t *testing.T) {
	if size := reflect.TypeFor[delayed]().Size(); size > 64 {
		t.Errorf("a record takes %d bytes, want at most 64", size)
	}
}

// TestDueOrder pops datagrams by their due time, and equal ones in the order of add.
func TestDueOrder(t *testing.T) {
	q := &delayQueue{maxBytes: 1 << 20}
	for n := range 1000 {
		if !q.add(time.Duration(rand.IntN(50)), nil, n%2 == 0, []byte{byte(n >> 8), byte(n)}) {
			t.Fatal("no room")
		}
	}
	var last *delayed
	for now := range time.Duration(50) {
		for _, d := range q.pop(nil, now, 1000) {
			if d.due != now {
				t.Errorf("a datagram due at %v is popped at %v", d.due, now)
			}
			if last != nil && last.due == d.due && last.serial > d.serial {
				t.Error("equal due times change the order")
			}
			if n := int(d.data[0])<<8 | int(d.data[1]); d.serial != uint64(n+1) || d.up != (n%2 == 0) {
				t.Errorf("datagram %d is %+v", n, d)
			}
			last = d
		}
	}
	if _, ok := q.next(); ok {
		t.Error("the queue is not empty")
	}
}
