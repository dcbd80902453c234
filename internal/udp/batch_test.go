package udp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// adjacent returns datagrams of the given sizes that follow each other in one buffer.
func adjacent(sizes ...int) (datagrams [][]byte) {
	var buf []byte
	for i, n := range sizes {
		buf = append(buf, bytes.Repeat([]byte{byte('a' + i)}, n)...)
	}
	buf = slices.Clip(buf)
	for _, n := range sizes {
		datagrams = append(datagrams, buf[:n])
		buf = buf[n:]
	}
	return datagrams
}

// describe formats each message as length/segment.
func describe(ms []Message) string {
	var s []string
	for _, m := range ms {
		s = append(s, fmt.Sprintf("%d/%d", len(m.Buf), m.Segment))
	}
	return strings.Join(s, " ")
}

func limitTo(n int) func(int) int { return func(int) int { return n } }

// TestBatch appends the datagrams of one buffer, and checks that all of them are kept in order.
func TestBatch(t *testing.T) {
	tests := []struct {
		name  string
		sizes []int
		max   func(int) int
		want  string
	}{
		{"none", nil, limitTo(4), ""},
		{"one", []int{5}, limitTo(4), "5/0"},
		{"empty", []int{0}, limitTo(4), "0/0"},
		{"equal", []int{5, 5, 5}, limitTo(4), "15/5"},
		{"shorter-one-is-last", []int{5, 5, 3, 3}, limitTo(4), "13/5 3/0"},
		{"longer-one-is-first", []int{5, 6, 6}, limitTo(4), "5/0 12/6"},
		{"up-to-the-limit", []int{5, 5, 5, 5, 5, 5}, limitTo(4), "20/5 10/5"},
		{"empty-ones-alone", []int{0, 0, 5, 0, 5}, limitTo(4), "0/0 0/0 5/0 0/0 5/0"},
		{"no-segments", []int{5, 5, 5}, limitTo(1), "5/0 5/0 5/0"},
		{"no-limit-given", []int{5, 5}, nil, "5/0 5/0"},
		{"limit-by-size", []int{9, 9, 5, 5}, func(n int) int { return 10 / n }, "9/0 9/0 10/5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := Batch{MaxSegments: tt.max}
			for round := range 4 { // later rounds reuse the batch
				datagrams := adjacent(tt.sizes...)
				if round%2 == 1 && len(datagrams) > 0 {
					b.AppendAll(datagrams[0][:cap(datagrams[0])], tt.sizes, &Message{})
				} else {
					for _, d := range datagrams {
						b.Append(d, &Message{})
					}
				}
				if got := describe(b.Messages); got != tt.want {
					t.Errorf("round %d: messages %q, want %q", round, got, tt.want)
				}
				i := 0
				for _, m := range b.Messages {
					for d := range m.Datagrams() {
						if !bytes.Equal(d, datagrams[i]) {
							t.Errorf("datagram %d is %q, want %q", i, d, datagrams[i])
						}
						i++
					}
				}
				if i != len(datagrams) {
					t.Errorf("%d datagrams, want %d", i, len(datagrams))
				}
				b.Reset()
			}
		})
	}
}

// TestBatchDoesNotCombine checks pairs of datagrams that must not become segments of one message.
func TestBatchDoesNotCombine(t *testing.T) {
	peer := netip.MustParseAddrPort("192.0.2.1:1")
	d := adjacent(3, 3, 3)
	to := Message{Peer: peer, Local: ip4}
	tests := []struct {
		name          string
		first, second []byte
		to            Message
	}{
		{"another buffer", []byte("aaa"), []byte("bbb"), to},
		{"not adjacent", d[0], d[2], to},
		{"reverse order", d[1], d[0], to},
		{"no capacity", d[0][:3:3], d[1], to},
		{"another peer", d[0], d[1], Message{Peer: netip.MustParseAddrPort("192.0.2.1:2"), Local: ip4}},
		{"another local address", d[0], d[1], Message{Peer: peer, Local: ip6}},
		{"another interface", d[0], d[1], Message{Peer: peer, Local: ip4, IfIndex: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := Batch{MaxSegments: limitTo(64)}
			b.Append(tt.first, &to)
			b.Append(tt.second, &tt.to)
			if got := describe(b.Messages); got != "3/0 3/0" {
				t.Errorf("messages %q, want two of 3 bytes", got)
			}
		})
	}
}

// TestBatchAfterLoss leaves out one datagram of a message, and checks that the batch combines those
// after it.
func TestBatchAfterLoss(t *testing.T) {
	m := Message{Buf: []byte("aaabbbcccddde"), Segment: 3}
	b := Batch{MaxSegments: limitTo(64)}
	for d := range m.Datagrams() {
		if string(d) != "bbb" {
			b.Append(d, &m)
		}
	}
	if got := describe(b.Messages); got != "3/0 7/3" {
		t.Errorf("messages %q, want 3/0 7/3", got)
	}
}

func BenchmarkBatch(b *testing.B) {
	m := Message{Buf: make([]byte, 64*64), Segment: 64, Peer: netip.MustParseAddrPort("192.0.2.1:1")}
	batch := Batch{MaxSegments: limitTo(64)}
	b.ReportAllocs()
	for b.Loop() {
		for d := range m.Datagrams() {
			batch.Append(d, &m)
		}
		batch.Reset()
	}
}
