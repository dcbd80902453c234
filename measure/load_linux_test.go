//go:build !ohce_portable

package measure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/measure"
)

// TestLoadCountsSegments checks that each response counts that the system drops, although the server
// sends them as segments of one packet.
func TestLoadCountsSegments(t *testing.T) {
	const count, size = 64, 1000
	conns, addr, err := udp.Listen(t.Context(), "127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	server := conns[0]
	if server.MaxSegments(size) < count {
		t.Skip("the kernel does not send segments")
	}
	answered := make(chan error, 1)
	go func() { answered <- answerAtOnce(server, count) }() // ends with server; received below
	l := &measure.Load{
		Addr: addr.String(), ReceiveBuffer: 1, Timeout: 200 * time.Millisecond,
		Match: ohce.MatchExact(echo),
		Request: func(dst []byte, n int) []byte {
			return fmt.Appendf(dst, "%*d", size, n)
		},
	}
	r := load(t, l, measure.Limit(measure.Regular(0), count, 0))
	server.Close()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if r.Own.Overflow == 0 || r.Own.Overflow+r.Answered != count || r.Lost > 0 {
		t.Errorf("%s", counts(r))
	}
}

// answerAtOnce collects requests of one client and returns them as one packet.
func answerAtOnce(server udp.Socket, count int) error {
	ms := make([]udp.Message, server.Width())
	for i := range ms {
		ms[i].Buf = make([]byte, 1<<16)
	}
	var all udp.Message
	for n := 0; n < count; {
		read, err := server.Read(ms)
		if err != nil {
			return err
		}
		for i := range ms[:read] {
			n += ms[i].Count()
			all.Buf = append(all.Buf, ms[i].Buf...)
			all.Peer, all.Local = ms[i].Peer, ms[i].Local
		}
	}
	all.Segment = len(all.Buf) / count
	_, err := server.Write([]udp.Message{all})
	return err
}
