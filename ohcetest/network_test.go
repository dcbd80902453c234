package ohcetest_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/ohcetest"
)

func TestDelivery(t *testing.T) {
	for _, addr := range []string{serverAddr, "[2001:db8::9]:3000", "0.0.0.0:3000", "[::]:3000"} {
		t.Run(addr, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n ohcetest.Network
				server := listen(t, &n, addr)
				client := dial(t, &n, addr)
				for _, data := range []string{"one", "", "three"} {
					buf := []byte(data)
					send(t, client, string(buf))
					clear(buf) // the Network must have copied it
				}
				for _, data := range []string{"one", "", "three"} {
					buf := make([]byte, 16)
					k, from, err := server.ReadFromUDPAddrPort(buf)
					if string(buf[:k]) != data || from != addrOf(client) || err != nil {
						t.Fatalf("read %q from %v, %v, want %q from %v", buf[:k], from, err, data,
							addrOf(client))
					}
					server.WriteToUDPAddrPort(buf[:k], from)
					want(t, client, data)
				}
				if got, want := stats(&n), (ohcetest.NetworkStats{Sent: 6, Delivered: 6}); got != want {
					t.Errorf("stats are %+v, want %+v", got, want)
				}
			})
		})
	}
}

func TestWriteCopiesData(t *testing.T) {
	var n ohcetest.Network
	server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
	buf := []byte("mine")
	client.Write(buf)
	copy(buf, "XXXX")
	want(t, server, "mine")
}

func TestLookup(t *testing.T) {
	tests := []struct {
		name  string
		bound []string
		to    string
		want  int // index into bound, or -1 if unreachable
	}{
		{"exact address", []string{"192.0.2.9:3000"}, "192.0.2.9:3000", 0},
		{"another port", []string{"192.0.2.9:3000"}, "192.0.2.9:3001", -1},
		{"another address", []string{"192.0.2.9:3000"}, "192.0.2.8:3000", -1},
		{"IPv4 wildcard", []string{"0.0.0.0:3000"}, "192.0.2.9:3000", 0},
		{"IPv4 wildcard, to IPv6", []string{"0.0.0.0:3000"}, "[2001:db8::9]:3000", -1},
		{"dual wildcard, to IPv4", []string{"[::]:3000"}, "192.0.2.9:3000", 0},
		{"dual wildcard, to IPv6", []string{"[::]:3000"}, "[2001:db8::9]:3000", 0},
		{"empty host", []string{":3000"}, "192.0.2.9:3000", 0},
		{"most specific", []string{"[::]:3000", "0.0.0.0:3000", "192.0.2.9:3000"}, "192.0.2.9:3000", 2},
		{"IPv4 wildcard before dual", []string{"[::]:3000", "0.0.0.0:3000"}, "192.0.2.9:3000", 1},
		{"mapped", []string{"192.0.2.9:3000"}, "[::ffff:192.0.2.9]:3000", 0},
		{"bound as mapped", []string{"[::ffff:192.0.2.9]:3000"}, "192.0.2.9:3000", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n ohcetest.Network
				var bound []*ohcetest.Conn
				for _, addr := range tt.bound {
					bound = append(bound, listen(t, &n, addr))
				}
				from := listen(t, &n, "198.51.100.1:0")
				from.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort(tt.to))
				if tt.want < 0 {
					if got := stats(&n); got.Unreachable != 1 || got.Delivered != 0 {
						t.Errorf("stats are %+v, want 1 unreachable", got)
					}
					return
				}
				for i, c := range bound {
					if i == tt.want {
						wantAll(t, c, "x")
					} else {
						wantAll(t, c)
					}
				}
			})
		})
	}
}

// TestWriteToIPv4In16Bytes checks that WriteTo accepts a *net.UDPAddr that holds an IPv4 address in
// 16 bytes, as net.IPv4 returns it.
func TestWriteToIPv4In16Bytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		server := listen(t, &n, serverAddr)
		client := listen(t, &n, "192.0.2.1:1000")
		to := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 3000}
		if _, err := client.WriteTo([]byte("x"), to); err != nil {
			t.Fatal(err)
		}
		server.SetReadDeadline(time.Now().Add(time.Minute))
		k, from, err := server.ReadFrom(make([]byte, 16))
		if k != 1 || err != nil || from.String() != "192.0.2.1:1000" {
			t.Errorf("read %d bytes from %v, %v, want 1 byte from the client", k, from, err)
		}
	})
}

func TestBindErrors(t *testing.T) {
	var n ohcetest.Network
	listen(t, &n, serverAddr)
	for _, addr := range []string{serverAddr, "", "192.0.2.9", "host:3000", "192.0.2.9:70000",
		"[::ffff:192.0.2.9]:3000"} {
		if pc, err := n.ListenPacket(addr); err == nil || pc != nil {
			t.Errorf("ListenPacket(%q) = %v, %v, want nil and an error", addr, pc, err)
		}
		if addr == serverAddr || addr[:min(1, len(addr))] == "[" {
			continue
		}
		if c, err := n.Dial(context.Background(), "udp", addr); err == nil || c != nil {
			t.Errorf("Dial(%q) = %v, %v, want nil and an error", addr, c, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if c, err := n.Dial(ctx, "udp", serverAddr); err != context.Canceled || c != nil {
		t.Errorf("Dial with a canceled context = %v, %v, want nil and context.Canceled", c, err)
	}
}

func TestCloseFreesAddress(t *testing.T) {
	var n ohcetest.Network
	first := listen(t, &n, serverAddr)
	first.Close()
	second := listen(t, &n, serverAddr)
	first.Close() // must not unbind the second
	peer := n.NewPeer("192.0.2.10:3000", nil)
	peer.Close()
	again := n.NewPeer("192.0.2.10:3000", nil)
	peer.Close()
	client := dial(t, &n, serverAddr)
	send(t, client, "x")
	want(t, second, "x")
	other := dial(t, &n, again.Addr().String())
	other.SetReadDeadline(time.Now().Add(time.Minute))
	send(t, other, "y")
	want(t, other, "y")
}

func TestFreePortsWrapAround(t *testing.T) {
	var n ohcetest.Network
	const all = 1<<16 - 49152
	seen := make(map[uint16]bool)
	for i := range all {
		c := dial(t, &n, serverAddr)
		port := addrOf(c).Port()
		if port < 49152 || seen[port] {
			t.Fatalf("socket %d got port %d, want an unused port of at least 49152", i, port)
		}
		seen[port] = true
		if i%2 == 0 {
			c.Close()
		}
	}
	c := dial(t, &n, serverAddr) // the second round reuses the ports of closed sockets
	if port := addrOf(c).Port(); port != 49152 {
		t.Errorf("port after the last one = %d, want 49152", port)
	}
	for range all/2 - 1 {
		dial(t, &n, serverAddr)
	}
	if c, err := n.Dial(context.Background(), "udp", serverAddr); err == nil || c != nil {
		t.Errorf("Dial with all ports in use = %v, %v, want nil and an error", c, err)
	}
}

func TestDialAddresses(t *testing.T) {
	var n ohcetest.Network
	for to, from := range map[string]string{serverAddr: "192.0.2.1", "[2001:db8::9]:1": "2001:db8::1"} {
		c := dial(t, &n, to)
		if got := addrOf(c).Addr().String(); got != from {
			t.Errorf("socket connected to %v is bound to %v, want %v", to, got, from)
		}
		if got := c.RemoteAddr().String(); got != to {
			t.Errorf("RemoteAddr = %v, want %v", got, to)
		}
	}
	if got := listen(t, &n, serverAddr).RemoteAddr(); got != nil {
		t.Errorf("RemoteAddr of a socket that is not connected = %v, want nil", got)
	}
}

func TestDialFrom(t *testing.T) {
	var n ohcetest.Network
	server := listen(t, &n, serverAddr)
	for from, want := range map[string]string{
		"192.0.2.7:1000": "192.0.2.7:1000", "192.0.2.8:0": "192.0.2.8:49152",
		"[::ffff:192.0.2.6]:7": "192.0.2.6:7",
	} {
		c, err := n.DialFrom(netip.MustParseAddrPort(from), serverAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte("x"))
		if _, peer, err := server.ReadFromUDPAddrPort(nil); peer.String() != want || err != nil {
			t.Errorf("DialFrom(%v): datagram from %v, %v, want from %v", from, peer, err, want)
		}
	}
	for _, from := range []string{"192.0.2.7:1000", serverAddr} {
		if c, err := n.DialFrom(netip.MustParseAddrPort(from), serverAddr); err == nil || c != nil {
			t.Errorf("DialFrom with an address in use = %v, %v, want nil and an error", c, err)
		}
	}
	if c, err := n.DialFrom(netip.MustParseAddrPort("192.0.2.7:0"), "nonsense"); err == nil || c != nil {
		t.Errorf("DialFrom to nonsense = %v, %v, want nil and an error", c, err)
	}
}
