//go:build !ohce_portable

package udp

import (
	"net"
	"net/netip"
	"testing"
)

// TestWildcardRespondsToQueued sends a datagram before New enables packet info. The kernel reports
// no local address for it, and the response must leave from the right one.
func TestWildcardRespondsToQueued(t *testing.T) {
	tests := []struct {
		network, addr string
		to            netip.Addr
	}{
		{"udp4", "0.0.0.0:0", ip4},
		{"udp", "[::]:0", ip4},
		{"udp", "[::]:0", ip6},
	}
	for _, tt := range tests {
		t.Run(tt.network+" "+tt.to.String(), func(t *testing.T) {
			if tt.network != "udp4" {
				needIPv6(t)
			}
			pc, err := net.ListenPacket(tt.network, tt.addr)
			if err != nil {
				t.Fatal(err)
			}
			port := pc.LocalAddr().(*net.UDPAddr).AddrPort().Port()
			cl := client(t, netip.AddrPortFrom(tt.to, port))
			send(t, cl, "queued")
			c := newConn(t, pc)
			ms := makeMessages(1, 16)
			if _, err := c.Read(ms); err != nil {
				t.Fatal(err)
			}
			if got := ms[0].Local; got.IsValid() && got != tt.to {
				t.Errorf("Local = %v, want %v or the zero Addr", got, tt.to)
			}
			if _, err := c.Write(ms); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, cl); got != "queued" {
				t.Errorf("response %q, want queued", got)
			}
		})
	}
}

// TestWildcardForeignLocal checks that only the datagram fails whose Local is not an address of
// this machine.
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
				t.Errorf("Write = %d, %v, want 1 and an error for the second message", n, err)
			}
			if n, err := conns[0].Write(ms[2:]); n != 1 || err != nil {
				t.Errorf("Write of the third message = %d, %v, want 1", n, err)
			}
			if got := readN(t, peer, 2); got[0] != "1" || got[1] != "3" {
				t.Errorf("received %q, want 1 and 3", got)
			}
		})
	}
}
