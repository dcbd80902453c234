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

// A world is a way from a client to a server that the test plays, both without waiting: what is read has
// arrived.
type world struct {
	ask    func(text string)
	served func() []came // what has arrived at the server since the last call
	answer func(text string, to netip.AddrPort)
	got    func() []string // what has arrived at the client
}

// came is a datagram with its sender.
type came struct {
	text string
	from netip.AddrPort
}

// decisions lets numbered requests pass a world, one after the other, and writes down what arrives.
func decisions(w world) (all []string) {
	var last netip.AddrPort
	for i := range 2000 {
		w.ask(strings.Repeat("x", i%70) + fmt.Sprint(i))
		for _, c := range w.served() {
			moved := ""
			if last.IsValid() && c.from != last {
				moved = " from another port"
			}
			last = c.from
			all = append(all, fmt.Sprintf("%d: %q%s", i, c.text, moved))
			w.answer(string(flip.Append(nil, []byte(c.text))), c.from)
			for _, text := range w.got() {
				all = append(all, fmt.Sprintf("%d: answer %q", i, text))
			}
		}
	}
	return all
}

// trouble is a model with everything that does not hang on the time.
func trouble(seed uint64) *link.Link {
	way := link.Impairment{
		Loss: link.BurstLoss(0.2, 3), Duplicate: 0.1, Corrupt: 0.1, Truncate: 0.1, MTU: 90, RebindEvery: 50,
	}
	return &link.Link{Seed: seed, Up: way, Down: way}
}

// inMemory is the world of ohcetest, in a bubble.
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

// onSockets is the world of a relay.
func onSockets(t *testing.T, model *link.Link) world {
	srv := listen(t)
	r := start(t, &relay.Relay{To: srv.LocalAddr().String(), Link: model})
	c := dial(t, r.LocalAddr())
	var asked, answered, served, got uint64
	settled := func(w relay.DirectionStats) bool { return w.Sent+w.Unmapped == w.Delivered+w.Duplicated }
	return world{
		ask: func(text string) { send(t, c, text); asked++ },
		served: func() (all []came) {
			until(t, "requests pass", func() bool {
				s := r.Stats().Up
				return s.Received == asked && settled(s)
			})
			for ; served < r.Stats().Up.Sent; served++ {
				text, from := receive(t, srv)
				all = append(all, came{text, from})
			}
			return all
		},
		answer: func(text string, to netip.AddrPort) {
			answered++
			if _, err := srv.WriteToUDPAddrPort([]byte(text), to); err != nil {
				t.Fatal(err)
			}
		},
		got: func() (all []string) {
			until(t, "answers pass", func() bool {
				s := r.Stats().Down
				return s.Received == answered && settled(s)
			})
			for ; got < r.Stats().Down.Sent; got++ {
				text, _ := receive(t, c)
				all = append(all, text)
			}
			return all
		},
	}
}

// TestSameDecisions: with one seed the same datagrams arrive, doubled, cut, damaged and from another
// port alike, in memory and through a relay on real sockets; with another seed others do.
func TestSameDecisions(t *testing.T) {
	var want []string
	synctest.Test(t, func(t *testing.T) { want = decisions(inMemory(t, trouble(42))) })
	got := decisions(onSockets(t, trouble(42)))
	if len(want) < 1000 || !strings.Contains(fmt.Sprint(want), "from another port") {
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
