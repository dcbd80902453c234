//go:build !ohce_portable

package udp

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestHopLimit sends a datagram with a hop limit over each family and reads the limit back.
func TestHopLimit(t *testing.T) {
	for _, tt := range []struct{ listen, to string }{
		{"127.0.0.1:0", "127.0.0.1"}, {"0.0.0.0:0", "127.0.0.1"}, {"[::1]:0", "::1"},
		{"[::]:0", "127.0.0.1"}, {"[::]:0", "::1"},
	} {
		t.Run(fmt.Sprint(tt.listen, " from ", tt.to), func(t *testing.T) {
			conns, bound, err := Listen(t.Context(), tt.listen, 1)
			if err != nil {
				t.Fatal(err)
			}
			in := conns[0]
			defer in.Close()
			if err := ReportHopLimit(in); err != nil {
				t.Fatal(err)
			}
			to := netip.AddrPortFrom(netip.MustParseAddr(tt.to), bound.Port())
			socket, err := Dial(t.Context(), to.String())
			if err != nil {
				t.Fatal(err)
			}
			out, err := Connect(socket)
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			ms := []Message{{Buf: make([]byte, maxCoalesced), HopLimit: 99}}
			for _, hops := range []int{7, 1, 255} {
				if err := SetHopLimit(out, hops); err != nil {
					t.Fatal(err)
				}
				if _, err := out.Write([]Message{{Buf: []byte("x")}}); err != nil {
					t.Fatal(err)
				}
				if n, err := in.Read(ms); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				if got := ms[0].HopLimit; got != hops {
					t.Errorf("hop limit %d, want %d", got, hops)
				}
			}
		})
	}
}
