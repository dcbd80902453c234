package guard_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/ohce/ohce/guard"
)

func source(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}),
		uint16(20_000+i%40_000))
}

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
		{"default-below", 0, many(guard.RepeatLimit-1, datagram{one, 5}), 0},
		{"default", 0, many(guard.RepeatLimit, datagram{one, 5}), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, got := guard.NewRepeats(tt.limit), 0
			for _, d := range tt.sent {
				got += r.TooMany(d.from, d.length, 1)
			}
			if got != tt.want {
				t.Errorf("%d of %d datagrams were too many, want %d", got, len(tt.sent), tt.want)
			}
		})
	}
}

// Datagrams that come together count as those that come one by one.
func TestRepeatsCountsRuns(t *testing.T) {
	r, found := guard.NewRepeats(10), 0
	for _, n := range []int{4, 5, 1, 25, 64, 1} { // 100 in all
		found += r.TooMany(source(1), 5, n)
	}
	if found != 10 {
		t.Errorf("%d of 100 datagrams were too many, want 10", found)
	}
}

// A loop is found among any number of others, while it is the busiest source of its slot.
func TestRepeatsFindsALoopInACrowd(t *testing.T) {
	const limit, crowd = 1000, 50_000
	r := guard.NewRepeats(limit)
	loop := source(crowd + 1)
	for i := range 100 * limit {
		if r.TooMany(source(i%crowd), 5, 1) > 0 {
			t.Fatalf("a client that sent %d datagrams was taken for a loop", i/crowd+1)
		}
		if r.TooMany(loop, 5, 1) > 0 {
			return
		}
	}
	t.Errorf("a loop of %d datagrams was not found", 100*limit)
}

func TestRepeatsSpreadsSources(t *testing.T) {
	// 512 clients of one host, which differ in nothing but their port, each send a run.
	const limit, clients = 100, 512
	r, found := guard.NewRepeats(limit), 0
	addr := netip.MustParseAddr("127.0.0.1")
	for range limit {
		for i := range clients {
			found += r.TooMany(netip.AddrPortFrom(addr, uint16(32_768+i)), 5, 1)
		}
	}
	if found < clients*3/4 {
		t.Errorf("%d of %d runs were seen: the sources share slots", found, clients)
	}
}

func ExampleRepeats() {
	r := guard.NewRepeats(3)
	peer := netip.MustParseAddrPort("192.0.2.1:4000")
	for range 4 {
		fmt.Println(r.TooMany(peer, 5, 1))
	}
	// Output:
	// 0
	// 0
	// 1
	// 0
}

func BenchmarkRepeats(b *testing.B) {
	r := guard.NewRepeats(0)
	peers := make([]netip.AddrPort, 64)
	for i := range peers {
		peers[i] = source(i)
	}
	found, i := 0, 0
	for b.Loop() {
		found += r.TooMany(peers[i%len(peers)], 64, 1)
		i++
	}
	if b.N > 64*guard.RepeatLimit && found == 0 {
		b.Error("no run was found")
	}
}
