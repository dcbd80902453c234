package ohce_test

import (
	"context"
	"testing"

	"github.com/ohce/ohce"
)

// Before Serve, each socket has a shard without requests. Afterwards, the shards add up to Stats, and
// one call of the handler is measured for each read.
func TestShardStats(t *testing.T) {
	srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		if string(r.Data) == "defer" {
			go w.Defer(r).Send() // ends at once: nothing is written
			return
		}
		w.Write([]byte("ok"))
	})}
	for range 2 {
		if err := srv.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range srv.ShardStats() {
		if s.Addr != srv.Addrs()[i] || s.Stats.Received != 0 || s.HandlerTimes.Count != 0 {
			t.Errorf("shard %d before Serve: %+v", i, s)
		}
	}
	if n := len(srv.ShardStats()); n != 2 {
		t.Fatalf("%d shards, want 2", n)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }() // ends with Shutdown
	for i, n := range []int{3, 1} {
		c := &ohce.Client{Addr: srv.Addrs()[i].String()}
		for range n {
			if _, err := c.Exchange(t.Context(), []byte("Hello")); err != nil {
				t.Fatal(err)
			}
		}
		c.Close()
	}
	c := &ohce.Client{Addr: srv.Addrs()[1].String(), Retry: ohce.RetryAfter(1)}
	c.Exchange(t.Context(), []byte("defer"))
	c.Close()
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-served
	for i, want := range []struct{ received, requestBytes, responseBytes uint64 }{
		{3, 3 * 5, 3 * 2}, {2, 2 * 5, 2},
	} {
		s := srv.ShardStats()[i]
		if s.Stats.Received != want.received || s.RequestBytes != want.requestBytes ||
			s.ResponseBytes != want.responseBytes {
			t.Errorf("shard %d: %d requests of %d bytes, responses of %d bytes, want %+v", i, s.Stats.Received,
				s.RequestBytes, s.ResponseBytes, want)
		}
		// Each request was read alone, because the client waits for its response.
		if s.ReadSizes[0] != want.received || s.HandlerTimes.Count != want.received {
			t.Errorf("shard %d: read sizes %v, %d handler times, want %d", i, s.ReadSizes,
				s.HandlerTimes.Count, want.received)
		}
	}
}
