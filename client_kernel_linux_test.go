//go:build !ohce_portable

package ohce_test

import (
	"net"
	"testing"
	"time"

	"github.com/ohce/ohce"
)

// TestClientKernelDropped checks that a client counts the datagrams that the kernel drops while the
// loop over a stream is busy.
func TestClientKernelDropped(t *testing.T) {
	const sent = 40_000 // of 1,000 bytes: more than the inbox and the receive buffer hold
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c := &ohce.Client{
		Addr: server.LocalAddr().String(), Match: ohce.MatchBytes(0, 5), Retry: ohce.RetryAfter(10 * time.Second),
	}
	defer c.Close()
	answer := func() *net.UDPAddr {
		buf := make([]byte, 100)
		n, from, err := server.ReadFromUDP(buf)
		if err != nil {
			t.Fatal(err)
		}
		server.WriteToUDP(buf[:n], from)
		return from
	}
	requests := func(yield func([]byte) bool) {
		if yield([]byte("first")) {
			yield([]byte("later"))
		}
	}
	first := make(chan struct{})
	done := make(chan struct{})
	go func() { // ends after both requests; the test waits
		defer close(done)
		from := answer()
		<-first
		junk := make([]byte, 1000)
		for range sent {
			server.WriteToUDP(junk, from)
		}
		answer()
	}()
	for r, err := range c.Stream(t.Context(), requests) {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		if r.Index == 0 {
			close(first)
			select {
			case <-done: // the server has sent everything while this loop is busy
			case <-time.After(10 * time.Second):
				t.Fatal("the server does not end")
			}
		}
	}
	s := c.Stats()
	if s.KernelDropped == 0 || s.KernelDropped+s.Unexpected > sent+1 {
		t.Errorf("%d dropped by the kernel and %d unexpected of %d", s.KernelDropped, s.Unexpected, sent)
	}
}
