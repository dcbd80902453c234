package ohce

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"
)

// A naiveStore is a simple implementation of dedupStore that searches all entries.
type naiveStore struct {
	maxEntries, maxBytes int
	lifetime             time.Duration
	entries              []*naiveEntry // pending ones, then finished ones, oldest first
}

type naiveEntry struct {
	key      string
	finished bool
	written  bool
	response string
	expires  time.Time
}

func (s *naiveStore) bytes() (sum int) {
	for _, e := range s.entries {
		sum += entryOverhead + allocated(len(e.key)) + allocated(len(e.response))
	}
	return sum
}

// fit discards finished entries to make room for more entries and bytes. It reports whether there
// is room.
func (s *naiveStore) fit(entries, bytes int) bool {
	for {
		if len(s.entries)+entries <= s.maxEntries && s.bytes()+bytes <= s.maxBytes {
			return true
		}
		i := slices.IndexFunc(s.entries, func(e *naiveEntry) bool { return e.finished })
		if i < 0 {
			return false
		}
		s.entries = slices.Delete(s.entries, i, i+1)
	}
}

func (s *naiveStore) begin(now time.Time, key string) (*naiveEntry, requestState) {
	s.entries = slices.DeleteFunc(s.entries, func(e *naiveEntry) bool {
		return e.finished && !now.Before(e.expires)
	})
	for _, e := range s.entries {
		switch {
		case e.key == key && e.finished:
			return e, requestFinished
		case e.key == key:
			return e, requestPending
		}
	}
	if !s.fit(1, entryOverhead+allocated(len(key))) {
		return nil, requestRefused
	}
	e := &naiveEntry{key: key}
	s.entries = append([]*naiveEntry{e}, s.entries...)
	return e, requestNew
}

func (s *naiveStore) finish(now time.Time, e *naiveEntry, response string, written bool) {
	s.forget(e)
	e.finished, e.written, e.response, e.expires = true, written, response, now.Add(s.lifetime)
	s.entries = append(s.entries, e)
	s.fit(0, 0)
}

func (s *naiveStore) forget(e *naiveEntry) {
	s.entries = slices.DeleteFunc(s.entries, func(other *naiveEntry) bool { return e == other })
}

// A storePair applies the same operations to a dedupStore and a naiveStore and compares them.
type storePair struct {
	t       *testing.T
	now     time.Time
	fast    dedupStore
	naive   naiveStore
	pending []pendingPair
}

type pendingPair struct {
	fast  *dedupEntry
	naive *naiveEntry
}

func newStorePair(t *testing.T, maxEntries, maxBytes int, lifetime time.Duration) *storePair {
	return &storePair{
		t: t, now: time.Unix(1000, 0),
		fast:  dedupStore{maxEntries: maxEntries, maxBytes: maxBytes, lifetime: lifetime},
		naive: naiveStore{maxEntries: maxEntries, maxBytes: maxBytes, lifetime: lifetime},
	}
}

// request applies a request of at least one byte from a client, numbered from 0.
func (p *storePair) request(client, length int) {
	source := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), uint16(40_000+client))
	data := bytes.Repeat([]byte{byte(client)}, length)
	// Different clients send different bytes, so the naive store needs no addresses.
	fast, state := p.fast.begin(p.now, source, netip.AddrPort{}, data)
	naive, want := p.naive.begin(p.now, string(data))
	if state != want {
		p.t.Fatalf("a request of client %d, %d bytes, is in state %d, want %d", client, length, state,
			want)
	}
	switch state {
	case requestNew:
		p.pending = append(p.pending, pendingPair{fast, naive})
	case requestFinished:
		if fast.written != naive.written || string(fast.response) != naive.response {
			p.t.Fatalf("the response is %q, want %q", fast.response, naive.response)
		}
	}
}

// end ends a pending request.
func (p *storePair) end(i int, response []byte, forget, written bool) {
	if len(p.pending) == 0 {
		return
	}
	i %= len(p.pending)
	one := p.pending[i]
	p.pending = slices.Delete(p.pending, i, i+1)
	if forget {
		p.fast.forget(one.fast)
		p.naive.forget(one.naive)
		return
	}
	p.fast.finish(p.now, one.fast, response, written)
	p.naive.finish(p.now, one.naive, string(response), written)
}

func (p *storePair) check() {
	p.t.Helper()
	if n, m := len(p.fast.entries), len(p.naive.entries); n != m || n > p.fast.maxEntries {
		p.t.Fatalf("%d entries, want %d, at most %d", n, m, p.fast.maxEntries)
	}
	if n, m := p.fast.stats.Bytes, p.naive.bytes(); n != m || n > p.fast.maxBytes {
		p.t.Fatalf("%d bytes, want %d, at most %d", n, m, p.fast.maxBytes)
	}
}

// step applies the operation that three bytes select.
func (p *storePair) step(op, a, b byte) {
	switch op % 8 {
	case 0, 1, 2, 3:
		p.request(int(a%16), 1+int(b%32)*8)
	case 4, 5:
		p.end(int(a), bytes.Repeat([]byte{a}, int(b)), false, a%3 > 0 || b > 0)
	case 6:
		p.end(int(a), nil, true, false)
	case 7:
		p.now = p.now.Add(time.Duration(a) * time.Second / 8)
	}
	p.check()
}

// FuzzDedupStore compares a dedupStore with a naiveStore.
func FuzzDedupStore(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0, 1, 1, 4, 0, 9, 0, 1, 1, 7, 255, 0, 0, 1, 1})
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		data := make([]byte, 600)
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, limits := range [][2]int{{4, 1 << 20}, {100, 4 * entryOverhead}, {1, 1}, {6, 3000}} {
			p := newStorePair(t, limits[0], limits[1], 10*time.Second)
			for ops := range slices.Chunk(data, 3) {
				if len(ops) == 3 {
					p.step(ops[0], ops[1], ops[2])
				}
			}
		}
	})
}

// TestDedupStoreKeys checks that requests from different senders or to different addresses are
// different requests.
func TestDedupStoreKeys(t *testing.T) {
	s := dedupStore{maxEntries: 10, maxBytes: 1 << 20, lifetime: time.Second}
	a, b := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("192.0.2.1:2")
	now := time.Unix(1000, 0)
	for _, key := range []requestKey{{a, a, "x"}, {b, a, "x"}, {a, b, "x"}, {a, a, "y"}, {a, a, ""}} {
		if _, state := s.begin(now, key.source, key.local, []byte(key.data)); state != requestNew {
			t.Errorf("the request %v is in state %d, want a new one", key, state)
		}
		if _, state := s.begin(now, key.source, key.local, []byte(key.data)); state != requestPending {
			t.Errorf("the second request %v is in state %d, want pending", key, state)
		}
	}
}

// TestDedupStoreHitAllocs checks that looking up a known request does not allocate.
func TestDedupStoreHitAllocs(t *testing.T) {
	s := dedupStore{maxEntries: 10, maxBytes: 1 << 20, lifetime: time.Hour}
	addr, now, data := netip.MustParseAddrPort("192.0.2.1:1"), time.Now(), make([]byte, 1000)
	e, _ := s.begin(now, addr, addr, data)
	s.finish(now, e, data, true)
	n := testing.AllocsPerRun(100, func() {
		if _, state := s.begin(now, addr, addr, data); state != requestFinished {
			t.Errorf("the request is in state %d", state)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestDedupStoreBytes checks that the store counts at least the memory that it uses.
func TestDedupStoreBytes(t *testing.T) {
	for _, size := range []int{0, 1, 100, 1025} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			const entries = 20_000
			s := dedupStore{maxEntries: entries, maxBytes: 1 << 30, lifetime: time.Hour}
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			data := make([]byte, size)
			for i := range entries {
				source := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16)}), uint16(i))
				e, _ := s.begin(time.Time{}, source, source, data)
				s.finish(time.Time{}, e, data, true)
			}
			runtime.GC()
			runtime.ReadMemStats(&after)
			taken := int(after.HeapAlloc) - int(before.HeapAlloc)
			t.Logf("%d bytes per entry, %d counted", taken/entries, s.stats.Bytes/entries)
			if taken > s.stats.Bytes {
				t.Errorf("%d entries of %d bytes take %d bytes, but count as %d", entries, size, taken,
					s.stats.Bytes)
			}
			runtime.KeepAlive(&s)
		})
	}
}
