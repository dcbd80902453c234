//go:build !ohce_portable

package ohce_test

import (
	"net"
	"testing"
	"time"

	"github.com/ohce/ohce"
)

// TestReceiveDelay checks that a stream in an open loop reports how long a response waited in the
// kernel, and that a usual stream does not.
func TestReceiveDelay(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveEcho(t, pc)
	for _, open := range []bool{false, true} {
		c := &ohce.Client{
			Addr: pc.LocalAddr().String(), OpenLoop: open, Retry: ohce.RetryAfter(10 * time.Second),
			Match: ohce.MatchExact(func(dst, request []byte) []byte { return append(dst, request...) }),
		}
		defer c.Close()
		for r, err := range c.Stream(t.Context(), numbered(20)) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			if delay := r.Response.ReceiveDelay; open != (delay > 0) || delay > r.Response.RTT {
				t.Errorf("open loop %v: delay %v of a round trip of %v", open, delay, r.Response.RTT)
			}
		}
	}
}
