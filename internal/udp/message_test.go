package udp

import (
	"slices"
	"testing"
)

func TestDatagrams(t *testing.T) {
	tests := []struct {
		name    string
		buf     string
		segment int
		want    []string
	}{
		{"one", "hello", 0, []string{"hello"}},
		{"empty", "", 0, []string{""}},
		{"equal", "aabbcc", 2, []string{"aa", "bb", "cc"}},
		{"shorter last one", "aabbc", 2, []string{"aa", "bb", "c"}},
		{"one segment", "aa", 2, []string{"aa"}},
		{"one short segment", "a", 2, []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := Message{Buf: []byte(tt.buf), Segment: tt.segment}
			var got []string
			left := len(m.Buf)
			for d := range m.Datagrams() {
				if cap(d) < left {
					t.Errorf("datagram %q has capacity %d, want %d, up to the end of Buf", d, cap(d),
						left)
				}
				left -= len(d)
				if n := m.Len(len(got)); n != len(d) {
					t.Errorf("datagram %d has the length %d, want %d", len(got), n, len(d))
				}
				got = append(got, string(d))
			}
			if !slices.Equal(got, tt.want) || m.Count() != len(tt.want) {
				t.Errorf("%d datagrams %q, want %q", m.Count(), got, tt.want)
			}
			for d := range m.Datagrams() {
				if string(d) != tt.want[0] {
					t.Errorf("the first datagram is %q, want %q", d, tt.want[0])
				}
				break // the iterator must stop
			}
		})
	}
}

func TestDatagramsAllocs(t *testing.T) {
	m := Message{Buf: make([]byte, 64*64), Segment: 64}
	sum := 0
	if got := testing.AllocsPerRun(100, func() {
		for d := range m.Datagrams() {
			sum += len(d)
		}
	}); got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// BenchmarkDatagrams compares the iterator with an equivalent loop.
func BenchmarkDatagrams(b *testing.B) {
	m := &Message{Buf: make([]byte, 64*64), Segment: 64}
	for _, walk := range []struct {
		name string
		f    func(*Message) int
	}{{"iterator", sumByIterator}, {"loop", sumByLoop}} {
		b.Run(walk.name, func(b *testing.B) {
			b.SetBytes(int64(len(m.Buf)))
			for b.Loop() {
				walk.f(m)
			}
		})
	}
}

func sumByIterator(m *Message) (sum int) {
	for d := range m.Datagrams() {
		sum += len(d) + int(d[0])
	}
	return sum
}

func sumByLoop(m *Message) (sum int) {
	data, size := m.Buf, m.Segment
	for {
		n := min(size, len(data))
		sum += n + int(data[0])
		if data = data[n:]; len(data) == 0 {
			return sum
		}
	}
}
