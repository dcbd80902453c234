//go:build !ohce_portable

package udp

import (
	"context"
	"net/netip"
	"testing"
)

// TestListenShares checks that the kernel distributes clients over the sockets of one address, and
// that all datagrams of a client arrive at the same socket.
func TestListenShares(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		t.Run(addr, func(t *testing.T) {
			const share, clients, each = 3, 200, 3
			if addr[0] == '[' {
				needIPv6(t)
			}
			conns, bound, err := Listen(context.Background(), addr, share)
			if err != nil {
				t.Fatal(err)
			}
			if len(conns) != share {
				t.Fatalf("Listen returned %d sockets, want %d", len(conns), share)
			}
			to := bound
			if bound.Addr().IsUnspecified() {
				to = netip.AddrPortFrom(netip.IPv6Loopback(), bound.Port())
			}
			for range clients {
				sendNumbers(t, client(t, to), 0, each)
			}
			total := 0
			for i, c := range conns {
				closeInTime(t, c)
				c.Drain()
				peers, n := perPeer(t, c)
				for peer, got := range peers {
					if got != each {
						t.Errorf("socket %d received %d datagrams from %v, want all %d", i, got, peer,
							each)
					}
				}
				if len(peers) < clients/share/4 {
					t.Errorf("socket %d serves %d of %d clients, want at least %d", i, len(peers),
						clients, clients/share/4)
				}
				total += n
			}
			if total != clients*each {
				t.Errorf("received %d datagrams, want %d", total, clients*each)
			}
		})
	}
}

// perPeer reads a socket after Drain, and returns the number of datagrams for each peer and in
// total.
func perPeer(t *testing.T, c Socket) (peers map[netip.AddrPort]int, n int) {
	t.Helper()
	peers = make(map[netip.AddrPort]int)
	ms := makeMessages(MaxWidth, 64)
	for {
		k, err := c.Read(ms)
		if err != nil {
			return peers, n
		}
		for _, m := range ms[:k] {
			peers[m.Peer]++
			n++
		}
	}
}

// TestListenAddressInUse checks that Listen fails if the address is in use, whether or not either
// side shares it.
func TestListenAddressInUse(t *testing.T) {
	for _, first := range []int{1, 2} {
		conns, bound, err := Listen(context.Background(), "127.0.0.1:0", first)
		if err != nil {
			t.Fatal(err)
		}
		defer closeAll(conns)
		for _, second := range []int{1, 2} {
			more, _, err := Listen(context.Background(), bound.String(), second)
			if !Taken(err) {
				closeAll(more)
				t.Errorf("Listen with share %d after %d = %v, want an error for an address in use",
					second, first, err)
			}
		}
	}
}
