//go:build !ohce_portable

package relay_test

import (
	"testing"

	"golang.org/x/net/ipv4"

	"github.com/ohce/ohce/link/relay"
)

// TestHopsOfARing checks that a datagram in a ring of processes ends with its hop limit, and that
// the ring then holds one port for each hop.
func TestHopsOfARing(t *testing.T) {
	one, other := new(relay.Group), new(relay.Group)
	for _, groups := range [][]*relay.Group{{one, other}, {one, one, other}, {one, other, one}} {
		all := startRing(t, groups, func(*relay.Relay) {})
		c := dial(t, all[0].LocalAddr())
		const hops = 30
		if err := ipv4.NewConn(c).SetTTL(hops); err != nil {
			t.Fatal(err)
		}
		for sent := range uint64(3) {
			send(t, c, "Hello")
			all.untilDropped(t, sent+1)
		}
		if got := all.total(); got.received > 3*hops || got.ports >= hops || got.loop != 3 {
			t.Errorf("ring of %d: %+v, want at most %d ports", len(all), got, hops-1)
		}
	}
}

// TestHopLimitFollowsTheClient checks that a request leaves with one hop less than the client gave
// it.
func TestHopLimitFollowsTheClient(t *testing.T) {
	srv := listen(t)
	in := ipv4.NewPacketConn(srv)
	if err := in.SetControlMessage(ipv4.FlagTTL, true); err != nil {
		t.Fatal(err)
	}
	r := start(t, &relay.Relay{To: srv.LocalAddr().String()})
	c := dial(t, r.LocalAddr())
	out, buf := ipv4.NewConn(c), make([]byte, 100)
	for _, hops := range []int{30, 30, 64, 2, 255} {
		if err := out.SetTTL(hops); err != nil {
			t.Fatal(err)
		}
		send(t, c, "Hello")
		_, cm, _, err := in.ReadFrom(buf)
		if err != nil || cm == nil || cm.TTL != hops-1 {
			t.Errorf("a request with %d hops left with %v, %v", hops, cm, err)
		}
	}
	if err := out.SetTTL(1); err != nil {
		t.Fatal(err)
	}
	send(t, c, "Hello")
	r.until(t, "the last one is dropped", func(s relay.Stats) bool { return s.Loop == 1 })
}
