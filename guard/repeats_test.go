package guard_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/ohce/ohce/guard"
)

func source(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}),
		uint16(20_000+i%40_000))
}

// admit passes a datagram to a rule and reports whether it was admitted.
func admit(r guard.Rule, source netip.AddrPort, length int) bool {
	d := guard.Datagram{Source: source, Payload: zeros[:length]}
	return r.Admit(time.Time{}, &d) == guard.Admitted
}

var zeros = make([]byte, 64)

func TestRepeats(t *testing.T) {
	one, other := source(1), source(2)
	type datagram struct {
		from   netip.AddrPort
		length int
	}
	many := func(n int, ds ...datagram) (all []datagram) {
		for range n {
			all = append(all, ds...)
		}
		return all
	}
	tests := []struct {
		name  string
		limit int
		sent  []datagram
		want  int
	}{
		{"below", 10, many(9, datagram{one, 5}), 0},
		{"at", 10, many(10, datagram{one, 5}), 1},
		{"every-tenth", 10, many(100, datagram{one, 5}), 10},
		{"empty-datagrams", 10, many(10, datagram{one, 0}), 1},
		{"two-sources", 10, many(10, datagram{one, 5}, datagram{other, 5}), 2},
		{"two-lengths", 10, many(100, datagram{one, 5}, datagram{one, 6}), 0},
		{"limit-one", 1, many(3, datagram{one, 5}), 3},
		{"never", -1, many(100_000, datagram{one, 5}), 0},
		{"default-below", 0, many(guard.DefaultRepeatLimit-1, datagram{one, 5}), 0},
		{"default", 0, many(guard.DefaultRepeatLimit, datagram{one, 5}), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, got := guard.NewRepeats(tt.limit), 0
			for _, d := range tt.sent {
				if !admit(r, d.from, d.length) {
					got++
				}
			}
			if got != tt.want {
				t.Errorf("%d of %d datagrams were dropped, want %d", got, len(tt.sent), tt.want)
			}
		})
	}
}

// TestRepeatsLoopAmongClients checks that Repeats detects a loop among many clients if the loop is
// the busiest source in its slot.
func TestRepeatsLoopAmongClients(t *testing.T) {
	const limit, crowd = 1000, 50_000
	r := guard.NewRepeats(limit)
	loop := source(crowd + 1)
	for i := range 100 * limit {
		if !admit(r, source(i%crowd), 5) {
			t.Fatalf("a client lost one of %d datagrams", i/crowd+1)
		}
		if !admit(r, loop, 5) {
			return
		}
	}
	t.Errorf("the loop was not detected within %d datagrams", 100*limit)
}

func TestRepeatsSourceDistribution(t *testing.T) {
	// 512 clients of one host, which differ only in the port, each send a series.
	const limit, clients = 100, 512
	r, found := guard.NewRepeats(limit), 0
	addr := netip.MustParseAddr("127.0.0.1")
	for range limit {
		for i := range clients {
			if !admit(r, netip.AddrPortFrom(addr, uint16(32_768+i)), 5) {
				found++
			}
		}
	}
	if found < clients*3/4 {
		t.Errorf("%d of %d series were detected: too many sources share slots", found, clients)
	}
}

func ExampleRepeats() {
	r := guard.NewRepeats(3)
	peer := netip.MustParseAddrPort("192.0.2.1:4000")
	for range 4 {
		fmt.Println(r.Admit(time.Now(), &guard.Datagram{Source: peer, Payload: []byte("Hello")}))
	}
	// Output:
	// admitted
	// admitted
	// loop
	// admitted
}

func BenchmarkRepeats(b *testing.B) {
	r := guard.NewRepeats(0)
	peers := make([]netip.AddrPort, 64)
	for i := range peers {
		peers[i] = source(i)
	}
	found, i := 0, 0
	for b.Loop() {
		if !admit(r, peers[i%len(peers)], 64) {
			found++
		}
		i++
	}
	if b.N > 64*guard.DefaultRepeatLimit && found == 0 {
		b.Error("no series was detected")
	}
}
