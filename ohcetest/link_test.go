package ohcetest_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/ohcetest"
)

// arriveAfter returns one arrival of d, after the given time.
func arriveAfter(d ohcetest.Datagram, after time.Duration) []ohcetest.Arrival {
	return []ohcetest.Arrival{{After: after, Datagram: d}}
}

func TestLink(t *testing.T) {
	type arrival struct {
		after time.Duration
		data  string
	}
	const ms = time.Millisecond
	tests := []struct {
		name  string
		link  func(i int, d ohcetest.Datagram) []ohcetest.Arrival
		want  []arrival // of the datagrams "0", "1" and "2", sent at the same time
		stats ohcetest.NetworkStats
	}{
		{"latency", func(_ int, d ohcetest.Datagram) []ohcetest.Arrival { return arriveAfter(d, 30*ms) },
			[]arrival{{30 * ms, "0"}, {30 * ms, "1"}, {30 * ms, "2"}},
			ohcetest.NetworkStats{Sent: 3, Delivered: 3}},
		{"negative latency", func(_ int, d ohcetest.Datagram) []ohcetest.Arrival {
			return arriveAfter(d, -ms)
		}, []arrival{{0, "0"}, {0, "1"}, {0, "2"}},
			ohcetest.NetworkStats{Sent: 3, Delivered: 3}},
		{"loss", func(i int, d ohcetest.Datagram) []ohcetest.Arrival {
			if i == 1 {
				return nil
			}
			return arriveAfter(d, ms)
		}, []arrival{{ms, "0"}, {ms, "2"}}, ohcetest.NetworkStats{Sent: 3, Delivered: 2, Lost: 1}},
		{"all lost", func(int, ohcetest.Datagram) []ohcetest.Arrival { return []ohcetest.Arrival{} },
			nil, ohcetest.NetworkStats{Sent: 3, Lost: 3}},
		{"duplication", func(_ int, d ohcetest.Datagram) []ohcetest.Arrival {
			return append(arriveAfter(d, ms), arriveAfter(d, 2*ms)...)
		}, []arrival{{ms, "0"}, {ms, "1"}, {ms, "2"}, {2 * ms, "0"}, {2 * ms, "1"}, {2 * ms, "2"}},
			ohcetest.NetworkStats{Sent: 3, Delivered: 6}},
		{"reordering", func(i int, d ohcetest.Datagram) []ohcetest.Arrival {
			return arriveAfter(d, time.Duration(30-10*i)*ms)
		}, []arrival{{10 * ms, "2"}, {20 * ms, "1"}, {30 * ms, "0"}},
			ohcetest.NetworkStats{Sent: 3, Delivered: 3}},
		{"corruption", func(i int, d ohcetest.Datagram) []ohcetest.Arrival {
			d.Data = fmt.Appendf(nil, "%s!", d.Data)
			return arriveAfter(d, 0)
		}, []arrival{{0, "0!"}, {0, "1!"}, {0, "2!"}}, ohcetest.NetworkStats{Sent: 3, Delivered: 3}},
		{"one after a day", func(i int, d ohcetest.Datagram) []ohcetest.Arrival {
			return arriveAfter(d, time.Duration(i%2)*25*time.Hour)
		}, []arrival{{0, "0"}, {0, "2"}, {25 * time.Hour, "1"}},
			ohcetest.NetworkStats{Sent: 3, Delivered: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := -1
				n := ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
					i++
					return tt.link(i, d)
				}}
				server, client := listen(t, &n, serverAddr), dial(t, &n, serverAddr)
				begun := time.Now()
				for k := range 3 {
					send(t, client, fmt.Sprint(k))
				}
				var got []arrival
				server.SetReadDeadline(begun.Add(48 * time.Hour))
				for {
					buf := make([]byte, 16)
					k, err := server.Read(buf)
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
			})
		})
	}
}

func TestLinkSeesBothDirections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []string
		n := ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			seen = append(seen, fmt.Sprintf("%v>%v %s", d.From, d.To, d.Data))
			return arriveAfter(d, 0)
		}}
		n.NewPeer(serverAddr, nil)
		client := dial(t, &n, serverAddr)
		send(t, client, "x")
		wantAll(t, client, "x")
		me := addrOf(client).String()
		if want := []string{me + ">" + serverAddr + " x", serverAddr + ">" + me + " x"}; !slices.Equal(
			seen, want) {
			t.Errorf("Link was called with %q, want %q", seen, want)
		}
	})
}

// TestInTransit checks that a datagram in transit is counted only as sent, and that it does not
// prevent the bubble from ending.
func TestInTransit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			return arriveAfter(d, time.Hour)
		}}
		listen(t, &n, serverAddr)
		send(t, dial(t, &n, serverAddr), "in transit")
		if got, want := stats(&n), (ohcetest.NetworkStats{Sent: 1}); got != want {
			t.Errorf("stats are %+v, want %+v", got, want)
		}
	})
}

func TestNetworkStatsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := 0
		n := ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			if i++; i%5 == 0 {
				return nil
			}
			return arriveAfter(d, time.Duration(i%7)*time.Second)
		}}
		listen(t, &n, serverAddr)
		client, lost := dial(t, &n, serverAddr), dial(t, &n, "192.0.2.66:1")
		for k := range 3000 {
			send(t, client, "fills the queue")
			lost.Write(nil) // can fail, because the address is unreachable
			if k%3 == 0 {
				n.Inject(ohcetest.Datagram{From: addrOf(lost), To: addrOf(client)})
			}
		}
		client.SetReadDeadline(time.Now().Add(time.Minute))
		client.Read(nil) // returns when every datagram has arrived
		s := stats(&n)
		if sum := s.Delivered + s.Lost + s.Unreachable + s.Overflow + s.Filtered; s.Sent != sum {
			t.Errorf("stats are %+v: Sent is %d, but the sum of the others is %d", s, s.Sent, sum)
		}
		if s.Delivered == 0 || s.Lost == 0 || s.Unreachable == 0 || s.Overflow == 0 || s.Filtered == 0 {
			t.Errorf("stats are %+v, want every counter above 0", s)
		}
	})
}
