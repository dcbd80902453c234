package ohce

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/ohce/ohce/internal/udp"
)

// BenchmarkShardServe measures the work of a server besides the kernel's, for a batch of 64
// datagrams in separate messages and for one of 64 segments per message.
func BenchmarkShardServe(b *testing.B) {
	const width, size = 64, 64
	for _, segments := range []int{1, 64} {
		b.Run(fmt.Sprintf("segments-%d", segments), func(b *testing.B) {
			c := newFakeConn()
			sh := newShard(context.Background(), &Server{}, discardConn{c}, nil)
			for i := range sh.in {
				m := udp.Message{Buf: bytes.Repeat([]byte{'x'}, size*segments), Peer: fakePeer}
				if segments > 1 {
					m.Segment = size
				}
				sh.in[i] = m
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				for i := range sh.in { // equal requests would look like a loop
					for at := 0; at < len(sh.in[i].Buf); at += size {
						binary.LittleEndian.PutUint64(sh.in[i].Buf[at:], uint64(n+i*segments+at))
					}
				}
				sh.serve(width)
				n += width * segments
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/datagram")
			if sh.counters.s.Received != uint64(n) {
				b.Errorf("%d datagrams received, want %d", sh.counters.s.Received, n)
			}
		})
	}
}

// A discardConn discards all messages that are written.
type discardConn struct{ *fakeConn }

func (discardConn) Write(ms []udp.Message) (int, error) { return len(ms), nil }
