package ohce

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/udp"
)

// heap returns the number of bytes in use after a garbage collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestShardReleasesMemory checks that after a batch with large responses, the server does not hold
// more memory than after small ones.
func TestShardReleasesMemory(t *testing.T) {
	const messages, segments = 16, 64
	large := make([]byte, 60_000)
	batch := make([]udp.Message, messages)
	for i := range batch {
		batch[i] = udp.Message{Buf: bytes.Repeat([]byte{'L'}, segments), Segment: 1, Peer: fakePeer}
	}
	synctest.Test(t, func(t *testing.T) {
		c := newFakeConn(step{ms: batch}, step{ms: requests("a", "b", "c")})
		s := &Server{BufferSize: 100, Guard: guard.Guards{}, Handler: HandlerFunc(func(w *ResponseWriter, r *Request) {
			if r.Data[0] == 'L' {
				w.Write(large)
				return
			}
			w.Write(r.Data)
		})}
		before := heap()
		s.listeners = append(s.listeners, listener{fakeAddr, []udp.Socket{discardConn{c}}})
		served := make(chan error, 1)
		go func() { served <- s.Serve() }()
		synctest.Wait()
		if st := s.Stats(); st.Answered != messages*segments+3 {
			t.Errorf("%d answered, want %d", st.Answered, messages*segments+3)
		}
		if after := heap(); after > before+maxResponses {
			t.Errorf("the server holds %d bytes after large responses, want at most %d", after-before,
				maxResponses)
		}
		s.Close()
		<-served
	})
}

// TestShardSendsLargeBatchesInParts checks that if the responses to a batch exceed maxResponses,
// the server sends them in parts, in order, and counts each once.
func TestShardSendsLargeBatchesInParts(t *testing.T) {
	const n = 50
	size := maxResponses / n * 2
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("%0*d", size, i))
	}
	synctest.Test(t, func(t *testing.T) {
		c := newFakeConn(step{ms: requests(texts...)}, step{ms: requests("end")})
		s := &Server{}
		if err := serveFake(t, s, c, synctest.Wait); err != ErrServerClosed {
			t.Error(err)
		}
		if len(c.sent) != n+1 {
			t.Fatalf("%d responses, want %d", len(c.sent), n+1)
		}
		if most := slices.Max(c.writes); most >= maxResponses+size {
			t.Errorf("a part has %d bytes, want less than %d", most, maxResponses+size)
		}
		for i, want := range append(texts, "end") {
			if c.sent[i] != want+"/0" {
				t.Errorf("response %d is wrong: %.10q…", i, c.sent[i])
			}
		}
		if st := s.Stats(); st.Received != n+1 || st.Answered != n+1 || st.InFlight != 0 {
			t.Errorf("stats %+v, want %d received and answered", st, n+1)
		}
	})
}
