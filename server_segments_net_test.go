package ohce_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/ohcetest"
)

// A segmentClient sends datagrams of equal size, as segments if the kernel supports them, and reads
// the responses.
type segmentClient struct {
	t    testing.TB
	conn udp.Socket
	to   netip.AddrPort
	in   []udp.Message
}

func newSegmentClient(t testing.TB, to netip.AddrPort) *segmentClient {
	t.Helper()
	conns, _, err := udp.Listen(context.Background(), "127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	c := conns[0]
	t.Cleanup(func() { c.Close() })
	r := &segmentClient{t: t, conn: c, to: to, in: make([]udp.Message, c.Width())}
	for i := range r.in {
		r.in[i].Buf = make([]byte, 1<<16)
	}
	return r
}

// send sends the datagrams. All but the last must have equal sizes, and the last must not be
// longer.
func (r *segmentClient) send(datagrams ...string) {
	r.t.Helper()
	size := len(datagrams[0])
	for chunk := range slices.Chunk(datagrams, r.conn.MaxSegments(size)) {
		m := udp.Message{Peer: r.to}
		for _, d := range chunk {
			m.Buf = append(m.Buf, d...)
		}
		if len(chunk) > 1 {
			m.Segment = size
		}
		if _, err := r.conn.Write([]udp.Message{m}); err != nil {
			r.t.Fatal(err)
		}
	}
}

// receive returns the next n datagrams.
func (r *segmentClient) receive(n int) []string {
	r.t.Helper()
	var got []string
	for len(got) < n {
		k, err := r.conn.Read(r.in)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, m := range r.in[:k] {
			size := max(len(m.Buf), 1)
			if m.Segment > 0 {
				size = m.Segment
			}
			for d := range slices.Chunk(m.Buf, size) {
				got = append(got, string(d))
			}
		}
	}
	return got
}

// TestServerAnswersSegments checks that the server handles each segment as a request and sends each
// response as a datagram.
func TestServerAnswersSegments(t *testing.T) {
	numbers := func(format string, n int) (s []string) {
		for i := range n {
			s = append(s, fmt.Sprintf(format, i))
		}
		return s
	}
	tests := []struct {
		name    string
		srv     *ohce.Server
		sent    []string
		want    []string
		dropped ohce.DropReason
		drops   uint64
	}{
		{"equal", &ohce.Server{}, numbers("%04d", 200), numbers("%04d", 200), 0, 0},
		{"shorter-last", &ohce.Server{}, append(numbers("%04d", 63), "x"),
			append(numbers("%04d", 63), "x"), 0, 0},
		{"oversize", &ohce.Server{BufferSize: 3}, []string{"four", "4444", "abc"}, []string{"abc"},
			ohce.DropOversize, 2},
		{"answers-of-other-sizes", &ohce.Server{Handler: ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) {
				w.Write(bytes.Repeat([]byte{'x'}, int(r.Data[0]-'0')))
			})}, []string{"3", "3", "1", "5", "2", "2"}, []string{"xxx", "xxx", "x", "xxxxx", "xx", "xx"},
			0, 0},
		{"some-silent", &ohce.Server{Handler: ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) {
				w.Write([]byte("taken back"))
				w.Reset()
				if r.Data[0] != 's' {
					w.Write(r.Data)
				}
			})}, []string{"a1", "s2", "s3", "a4", "s5", "a6"}, []string{"a1", "a4", "a6"},
			ohce.DropSilent, 3},
		{"later", &ohce.Server{Handler: ohce.Concurrent(ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) { w.Write(r.Data) }), 1)},
			numbers("%04d", 100), numbers("%04d", 100), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := ohcetest.StartServer(tt.srv)
			r := newSegmentClient(t, s.Config.Addrs()[0])
			r.send(tt.sent...)
			if got := r.receive(len(tt.want)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			s.Close()
			st := s.Config.Stats()
			checkStats(t, st, 0)
			if st.Received != uint64(len(tt.sent)) || st.Answered != uint64(len(tt.want)) ||
				st.Dropped[tt.dropped] != tt.drops {
				t.Errorf("stats %+v, want %d received, %d answered, %d %v", st, len(tt.sent),
					len(tt.want), tt.drops, tt.dropped)
			}
		})
	}
}

func TestServerSegmentAllocs(t *testing.T) {
	s := ohcetest.StartServer(&ohce.Server{Guard: guard.Guards{}}) // the texts are equal, as in a loop
	defer s.Close()
	r := newSegmentClient(t, s.Config.Addrs()[0])
	n := r.conn.MaxSegments(64)
	m := []udp.Message{{Peer: r.to, Buf: make([]byte, 64*n)}}
	if n > 1 {
		m[0].Segment = 64
	}
	allocs := testing.AllocsPerRun(200, func() {
		if _, err := r.conn.Write(m); err != nil {
			t.Fatal(err)
		}
		for got := 0; got < n; {
			k, err := r.conn.Read(r.in)
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.in[:k] {
				got += r.in[i].Count()
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for %d segments and their responses, want 0", allocs, n)
	}
}
