//go:build !ohce_portable

package udp

import (
	"net"
	"net/netip"
	"testing"
)

// TestWildcardRespondsToQueued: New takes over a socket that nobody had asked for packet
// info, so the kernel has none for the datagrams that are there already.
func TestWildcardRespondsToQueued(t *testing.T) {
	tests := []struct {
		network, addr string
		ask           netip.Addr
	}{
		{"udp4", "0.0.0.0:0", ip4},
		{"udp", "[::]:0", ip4},
		{"udp", "[::]:0", ip6},
	}
	for _, tt := range tests {
		t.Run(tt.network+" "+tt.ask.String(), func(t *testing.T) {
			if tt.network != "udp4" {
				needIPv6(t)
			}
			pc, err := net.ListenPacket(tt.network, tt.addr)
			if err != nil {
				t.Fatal(err)
			}
			port := pc.LocalAddr().(*net.UDPAddr).AddrPort().Port()
			cl := client(t, netip.AddrPortFrom(tt.ask, port))
			send(t, cl, "early")
			c := newConn(t, pc)
			ms := makeMessages(1, 16)
			if _, err := c.Read(ms); err != nil {
				t.Fatal(err)
			}
			if got := ms[0].Local; got.IsValid() && got != tt.ask {
				t.Errorf("Local = %v, want %v or, untold, the zero Addr", got, tt.ask)
			}
			if _, err := c.Write(ms); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, cl); got != "early" {
				t.Errorf("answer %q, want early", got)
			}
		})
	}
}

// TestWildcardForeignLocal: an answer from an address that this machine has not is
// refused, and costs no other.
func TestWildcardForeignLocal(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "[::]:0"} {
		t.Run(addr, func(t *testing.T) {
			conns, _ := listenOn(addr)(t)
			peer := open4(t)
			ms := []Message{
				{Buf: []byte("1"), Peer: peer.LocalAddr()},
				{Buf: []byte("2"), Peer: peer.LocalAddr(), Local: netip.MustParseAddr("192.0.2.77")},
				{Buf: []byte("3"), Peer: peer.LocalAddr(), Local: ip4},
			}
			n, err := conns[0].Write(ms)
			if n != 1 || err == nil {
				t.Errorf("Write = %d, %v, want an error for the second", n, err)
			}
			if n, err := conns[0].Write(ms[2:]); n != 1 || err != nil {
				t.Errorf("Write of the rest = %d, %v, want 1", n, err)
			}
			if got := readN(t, peer, 2); got[0] != "1" || got[1] != "3" {
				t.Errorf("arrived %q, want 1 and 3", got)
			}
		})
	}
}
