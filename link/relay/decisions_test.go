package relay_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
)

// A world connects a client and a server, both played by the test.
type world struct {
	ask    func(text string)
	served func() []came // requests that arrived since the last call
	answer func(text string, to netip.AddrPort)
	got    func() []string // responses that arrived since the last call
}

// A came is a request with its sender.
type came struct {
	text string
	from netip.AddrPort
}

// decisions sends numbered requests through a world, one at a time, and lists the arrivals.
func decisions(w world) (all []string) {
	var last netip.AddrPort
	for i := range 2000 {
		w.ask(strings.Repeat("x", i%70) + fmt.Sprint(i))
		for _, c := range w.served() {
			moved := ""
			if last.IsValid() && c.from != last {
				moved = " from a new port"
			}
			last = c.from
			all = append(all, fmt.Sprintf("%d: %q%s", i, c.text, moved))
			w.answer(string(flip.Append(nil, []byte(c.text))), c.from)
			for _, text := range w.got() {
				all = append(all, fmt.Sprintf("%d: response %q", i, text))
			}
		}
	}
	return all
}

// trouble returns a model with every impairment that does not depend on the time.
func trouble(seed uint64) *link.Link {
	way := link.Impairment{
		Loss: link.BurstLoss(0.2, 3), Duplicate: 0.1, Corrupt: 0.1, Truncate: 0.1, MTU: 90, RebindEvery: 50,
	}
	return &link.Link{Seed: seed, Up: way, Down: way}
}

// inMemory is the world of ohcetest, in a synctest bubble.
func inMemory(t *testing.T, model *link.Link) world {
	addr := netip.MustParseAddrPort("192.0.2.2:3000")
	n := &ohcetest.Network{Link: ohcetest.Impair(model, addr)}
	srv, err := n.ListenPacket(addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	c, err := n.Dial(t.Context(), "udp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	buf := make([]byte, 1<<16)
	must := func(_ int, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return world{
		ask: func(text string) { must(c.Write([]byte(text))) },
		served: func() (all []came) {
			for {
				srv.SetReadDeadline(time.Now().Add(time.Second))
				n, from, err := srv.ReadFrom(buf)
				if err != nil {
					return all
				}
				all = append(all, came{string(buf[:n]), netip.MustParseAddrPort(from.String())})
			}
		},
		answer: func(text string, to netip.AddrPort) {
			must(srv.WriteTo([]byte(text), net.UDPAddrFromAddrPort(to)))
		},
		got: func() (all []string) {
			for {
				c.SetReadDeadline(time.Now().Add(time.Second))
				n, err := c.Read(buf)
				if err != nil {
					return all
				}
				all = append(all, string(buf[:n]))
			}
		},
	}
}

// onSockets is the world of a relay. An event for each datagram tells how many arrive.
func onSockets(t *testing.T, model *link.Link) world {
	srv := listen(t)
	up, down := make(chan int, 100), make(chan int, 100)
	r := start(t, &relay.Relay{To: srv.LocalAddr().String(), Link: model, Observe: func(e relay.Event) {
		if e.Up {
			up <- len(e.Arrivals)
		} else {
			down <- len(e.Arrivals)
		}
	}})
	c := dial(t, r.LocalAddr())
	answered := 0
	return world{
		ask: func(text string) { send(t, c, text) },
		served: func() (all []came) {
			for range next(t, up) {
				text, from := receive(t, srv)
				all = append(all, came{text, from})
			}
			return all
		},
		answer: func(text string, to netip.AddrPort) {
			if _, err := srv.WriteToUDPAddrPort([]byte(text), to); err != nil {
				t.Fatal(err)
			}
			answered++
		},
		got: func() (all []string) {
			for ; answered > 0; answered-- {
				for range next(t, down) {
					text, _ := receive(t, c)
					all = append(all, text)
				}
			}
			return all
		},
	}
}

// next returns the number of arrivals of the next datagram.
func next(t *testing.T, arrivals <-chan int) int {
	t.Helper()
	select {
	case n := <-arrivals:
		return n
	case <-time.After(patience):
		t.Fatal("the relay reads nothing")
		return 0
	}
}

// TestSameDecisions compares an in-memory network with a relay on real sockets: with the same seed
// the same datagrams are lost, duplicated, truncated, corrupted and sent from a new port. Another
// seed has another result.
func TestSameDecisions(t *testing.T) {
	var want []string
	synctest.Test(t, func(t *testing.T) { want = decisions(inMemory(t, trouble(42))) })
	got := decisions(onSockets(t, trouble(42)))
	if len(want) < 1000 || !strings.Contains(fmt.Sprint(want), "from a new port") {
		t.Fatalf("%d arrivals in memory are too few to compare", len(want))
	}
	for i := range max(len(want), len(got)) {
		if i >= len(want) || i >= len(got) || want[i] != got[i] {
			t.Fatalf("arrival %d of %d and %d: in memory %.3q, through the relay %.3q", i, len(want), len(got),
				want[min(i, len(want)):], got[min(i, len(got)):])
		}
	}
	if slices.Equal(decisions(onSockets(t, trouble(43))), want) {
		t.Error("another seed decides the same")
	}
}
