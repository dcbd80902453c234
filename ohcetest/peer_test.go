package ohcetest_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/ohcetest"
)

func exclaim(dst, request []byte) []byte { return fmt.Appendf(dst, "%s!", request) }

func TestPeerSteps(t *testing.T) {
	type arrival struct {
		after time.Duration
		data  string
	}
	const s = time.Second
	forged := []byte("forged")
	tests := []struct {
		name   string
		script []ohcetest.Step
		want   []arrival // for the requests "a" and "b", sent at the same time
		stats  ohcetest.NetworkStats
	}{
		{"no script", nil, []arrival{{0, "a!"}, {0, "b!"}},
			ohcetest.NetworkStats{Sent: 4, Delivered: 4}},
		{"Answer", []ohcetest.Step{ohcetest.Answer()}, []arrival{{0, "a!"}, {0, "b!"}},
			ohcetest.NetworkStats{Sent: 4, Delivered: 4}},
		{"Lose", []ohcetest.Step{ohcetest.Lose()}, []arrival{{0, "b!"}},
			ohcetest.NetworkStats{Sent: 3, Delivered: 3}},
		{"Lose both", []ohcetest.Step{ohcetest.Lose(), ohcetest.Lose()}, nil,
			ohcetest.NetworkStats{Sent: 2, Delivered: 2}},
		{"Delay", []ohcetest.Step{ohcetest.Delay(s)}, []arrival{{0, "b!"}, {s, "a!"}},
			ohcetest.NetworkStats{Sent: 4, Delivered: 4}},
		{"Double", []ohcetest.Step{ohcetest.Double()}, []arrival{{0, "a!"}, {0, "a!"}, {0, "b!"}},
			ohcetest.NetworkStats{Sent: 5, Delivered: 5}},
		{"Forge", []ohcetest.Step{ohcetest.Forge(forged)}, []arrival{{0, "forged"}, {0, "b!"}},
			ohcetest.NetworkStats{Sent: 4, Delivered: 4}},
		{"Forge nothing", []ohcetest.Step{ohcetest.Forge(nil)}, []arrival{{0, ""}, {0, "b!"}},
			ohcetest.NetworkStats{Sent: 4, Delivered: 4}},
		{"ForgeFrom another", []ohcetest.Step{ohcetest.ForgeFrom("192.0.2.8:3000", forged)},
			[]arrival{{0, "b!"}}, ohcetest.NetworkStats{Sent: 4, Delivered: 3, Filtered: 1}},
		{"ForgeFrom itself", []ohcetest.Step{ohcetest.ForgeFrom(serverAddr, forged)},
			[]arrival{{0, "forged"}, {0, "b!"}}, ohcetest.NetworkStats{Sent: 4, Delivered: 4}},
		{"Then", []ohcetest.Step{ohcetest.Then(ohcetest.Delay(2*s), ohcetest.Forge(forged),
			ohcetest.Then(ohcetest.Answer())), ohcetest.Delay(s)},
			[]arrival{{0, "forged"}, {0, "a!"}, {s, "b!"}, {2 * s, "a!"}},
			ohcetest.NetworkStats{Sent: 6, Delivered: 6}},
		{"Then nothing", []ohcetest.Step{ohcetest.Then()}, []arrival{{0, "b!"}},
			ohcetest.NetworkStats{Sent: 3, Delivered: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var n ohcetest.Network
				peer := n.NewPeer(serverAddr, exclaim, tt.script...)
				client := dial(t, &n, serverAddr)
				begun := time.Now()
				send(t, client, "a")
				send(t, client, "b")
				var got []arrival
				client.SetReadDeadline(begun.Add(time.Hour))
				for {
					buf := make([]byte, 16)
					k, err := client.Read(buf)
					if err != nil {
						break
					}
					got = append(got, arrival{time.Since(begun), string(buf[:k])})
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("arrivals are %v, want %v", got, tt.want)
				}
				if got := stats(&n); got != tt.stats {
					t.Errorf("stats are %+v, want %+v", got, tt.stats)
				}
				wantRequests(t, peer, addrOf(client), "a", "b")
			})
		})
	}
}

func wantRequests(t *testing.T, p *ohcetest.Peer, from netip.AddrPort, data ...string) {
	t.Helper()
	var got []string
	for _, r := range p.Requests() {
		got = append(got, string(r.Data))
		if r.From != from || r.To != p.Addr() {
			t.Errorf("request from %v to %v, want from %v to %v", r.From, r.To, from, p.Addr())
		}
	}
	if !slices.Equal(got, data) {
		t.Errorf("requests are %q, want %q", got, data)
	}
}

func TestPeerHoldAndRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		peer := n.NewPeer(serverAddr, exclaim, ohcetest.Hold(), ohcetest.Answer(), ohcetest.Hold())
		client := dial(t, &n, serverAddr)
		if got := peer.Release(); got != 0 {
			t.Errorf("Release without responses = %d, want 0", got)
		}
		for _, data := range []string{"a", "b", "c"} {
			send(t, client, data)
		}
		wantAll(t, client, "b!")
		if got := peer.Release(); got != 2 {
			t.Errorf("Release = %d, want 2", got)
		}
		wantAll(t, client, "a!", "c!")
		if got := peer.Release(); got != 0 {
			t.Errorf("second Release = %d, want 0", got)
		}
		wantAll(t, client)
	})
}

func TestPeerEchoesByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		peer := n.NewPeer("192.0.2.9:0", nil)
		if peer.Addr().Port() == 0 || peer.Addr().Addr().String() != "192.0.2.9" {
			t.Errorf("Addr = %v, want 192.0.2.9 and an assigned port", peer.Addr())
		}
		client := dial(t, &n, peer.Addr().String())
		send(t, client, "x")
		send(t, client, "")
		wantAll(t, client, "x", "")
	})
}

func TestForgeCopiesData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		data := []byte("forged")
		n.NewPeer(serverAddr, nil, ohcetest.Forge(data), ohcetest.ForgeFrom(serverAddr, data))
		clear(data)
		client := dial(t, &n, serverAddr)
		send(t, client, "1")
		send(t, client, "2")
		wantAll(t, client, "forged", "forged")
	})
}

func TestPeerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		peer := n.NewPeer(serverAddr, exclaim, ohcetest.Delay(time.Second))
		client := dial(t, &n, serverAddr)
		send(t, client, "a")
		synctest.Wait()
		peer.Close()
		send(t, client, "b")
		if got := stats(&n); got.Unreachable != 1 {
			t.Errorf("stats are %+v, want the second request unreachable", got)
		}
		client.Read(nil) // port unreachable
		wantAll(t, client, "a!")
		wantRequests(t, peer, addrOf(client), "a")
	})
}

// TestNewPeerDuringTraffic binds a peer while requests arrive at its address. The race detector
// finds unsynchronised accesses.
func TestNewPeerDuringTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n ohcetest.Network
		client := listen(t, &n, "192.0.2.1:1000")
		const all = 1000
		go func() {
			for range all {
				client.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort(serverAddr))
			}
		}()
		peer := n.NewPeer(serverAddr, nil)
		got := stats(&n)
		if n := uint64(len(peer.Requests())); got.Unreachable+n != all {
			t.Errorf("stats are %+v with %d requests, want each of %d datagrams counted once",
				got, n, all)
		}
	})
}

func TestNewPeerPanics(t *testing.T) {
	var n ohcetest.Network
	n.NewPeer(serverAddr, nil)
	for _, addr := range []string{serverAddr, "nonsense", "host:1"} {
		t.Run(addr, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Errorf("NewPeer(%q) did not panic", addr)
				}
			}()
			n.NewPeer(addr, nil)
		})
	}
}
