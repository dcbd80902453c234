package relay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/loopback"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
)

// patience is the longest time that a test waits for one thing.
const patience = 20 * time.Second

// A testRelay is a relay that reports its progress.
type testRelay struct {
	*relay.Relay
	progress chan struct{}
}

// start serves a relay until the test ends. If the relay has no server, start gives it one that
// reverses and swaps the case of each request.
func start(t *testing.T, r *relay.Relay) *testRelay {
	t.Helper()
	if r.To == "" {
		r.To = flipServer(t).Addr
	}
	return startWith(t, r, make(chan struct{}, 1))
}

// startWith is start with a channel that several relays can report their progress to.
func startWith(t *testing.T, r *relay.Relay, progress chan struct{}) *testRelay {
	t.Helper()
	r.OnProgress(func() {
		select {
		case progress <- struct{}{}:
		default:
		}
	})
	if err := r.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.Serve() }() // ends with Close
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != relay.ErrClosed {
			t.Errorf("Serve returned %v, want ErrClosed", err)
		}
		checkSums(t, r)
	})
	return &testRelay{r, progress}
}

// until waits for a condition on the counters. It fails after patience.
func (r *testRelay) until(t *testing.T, what string, condition func(relay.Stats) bool) {
	t.Helper()
	timeout := time.NewTimer(patience) // in all: the search for idle mappings is progress, too
	defer timeout.Stop()
	for !condition(r.Stats()) {
		select {
		case <-r.progress:
		case <-timeout.C:
			t.Fatalf("after %v the relay still waits until %s: %+v", patience, what, r.Stats())
		}
	}
}

func flipServer(t *testing.T) *ohcetest.Server {
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	}))
	t.Cleanup(srv.Close)
	return srv
}

// checkSums checks that every datagram of a closed relay is in exactly one counter.
func checkSums(t *testing.T, r *relay.Relay) {
	t.Helper()
	s := r.Stats()
	if got := s.Up.Seen + s.Up.Oversize + s.NoMapping + s.AddressLimit + s.PortLimit + s.Loop; got != s.Up.Received {
		t.Errorf("%d requests received, %d counted: %+v", s.Up.Received, got, s)
	}
	if got := s.Down.Seen + s.Down.Oversize; got != s.Down.Received {
		t.Errorf("%d responses received, %d counted: %+v", s.Down.Received, got, s)
	}
	for _, d := range []relay.DirectionStats{s.Up, s.Down} {
		if out := d.Sent + d.Unsent + d.BufferFull + d.Unmapped + d.Delayed; out != d.Delivered+d.Duplicated {
			t.Errorf("%d datagrams delivered, %d counted: %+v", d.Delivered+d.Duplicated, out, d)
		}
		if in := d.BlackHoled + d.TooLong + d.Lost + d.Overflow + d.Delivered; in != d.Seen {
			t.Errorf("%d datagrams seen, %d counted: %+v", d.Seen, in, d)
		}
	}
}

// dial returns a client socket.
func dial(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// listen returns the socket of a server that the test plays.
func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadBuffer(4 << 20)
	return c
}

func send(t *testing.T, c *net.UDPConn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c *net.UDPConn) (string, netip.AddrPort) {
	t.Helper()
	buf := make([]byte, 1<<16)
	c.SetReadDeadline(time.Now().Add(patience))
	n, from, err := c.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n]), netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

func ask(t *testing.T, c *net.UDPConn, text string) {
	t.Helper()
	send(t, c, text)
	if got, _ := receive(t, c); got != string(flip.Append(nil, []byte(text))) {
		t.Errorf("the response to %q is %q", text, got)
	}
}

func TestPassesEverything(t *testing.T) {
	r := start(t, &relay.Relay{})
	c := dial(t, r.LocalAddr())
	for i := range 100 {
		ask(t, c, fmt.Sprintf("Hello %d", i))
	}
	ask(t, c, "")
	ask(t, c, strings.Repeat("a", 65_507))
	r.until(t, "all are counted", func(s relay.Stats) bool {
		return s.Mappings == 1 && s.Up.Sent == 102 && s.Down.Sent == 102
	})
}

// TestEachClientHasAMapping lets 1,000 clients send in turn and all at once. Each gets its own
// responses, and the server sees as many ports.
func TestEachClientHasAMapping(t *testing.T) {
	const clients = 1000
	var mu sync.Mutex
	seen := make(map[netip.AddrPort]bool)
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		mu.Lock()
		seen[r.RemoteAddr] = true
		mu.Unlock()
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	}))
	r := start(t, &relay.Relay{To: srv.Addr})
	var all []*net.UDPConn
	for range clients {
		all = append(all, dial(t, r.LocalAddr()))
	}
	for i, c := range all {
		ask(t, c, fmt.Sprint("client ", i))
	}
	for i, c := range all {
		send(t, c, fmt.Sprint("again ", i))
	}
	for i, c := range all {
		want := string(flip.Append(nil, fmt.Append(nil, "again ", i)))
		if got, _ := receive(t, c); got != want {
			t.Fatalf("client %d got %q", i, got)
		}
	}
	srv.Close()
	if s := r.Stats(); s.Mappings != clients || len(seen) != clients {
		t.Errorf("%d mappings, the server saw %d ports, want %d", s.Mappings, len(seen), clients)
	}
}

// TestShareOfArrivals compares the share of datagrams that arrive at a server with the model,
// within 3 standard errors.
func TestShareOfArrivals(t *testing.T) {
	n := testsize.Pick(20_000, 5000)
	for _, tt := range []struct {
		name   string
		up     link.Impairment
		share  float64 // of arrivals
		spread float64 // ratio of the error to that of independent events
	}{
		{"nothing", link.Impairment{}, 1, 1},
		{"1% lost", link.Impairment{Loss: link.RandomLoss(0.01)}, 0.99, 1},
		{"30% lost", link.Impairment{Loss: link.RandomLoss(0.3)}, 0.7, 1},
		{"20% lost in bursts of 5", link.Impairment{Loss: link.BurstLoss(0.2, 5)}, 0.8,
			math.Sqrt((1 + 0.75) / (1 - 0.75))},
		// The states of neighbours correlate by λ = 0.75: their covariances add up.
		{"Gilbert and Elliott", link.Impairment{Loss: link.Loss{Good: 0.02, Bad: 0.6, ToBad: 0.05, ToGood: 0.2}},
			1 - (0.8*0.02 + 0.2*0.6), math.Sqrt(1 + 2*0.58*0.58*0.2*0.8*0.75/0.25/(0.136*0.864))},
		{"10% duplicated", link.Impairment{Duplicate: 0.1}, 1.1, 1},
		{"delayed", link.Impairment{Delay: link.Delay{Base: time.Millisecond, Jitter: time.Millisecond}}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := listen(t)
			r := start(t, &relay.Relay{
				To: srv.LocalAddr().String(), Link: &link.Link{Seed: 7, Up: tt.up},
			})
			c := dial(t, r.LocalAddr())
			arrived := make(chan struct{}, 4*n) // closed at the end; has room for all datagrams
			go func() {                         // ends with the last datagram or the read deadline
				defer close(arrived)
				buf := make([]byte, 100)
				for {
					srv.SetReadDeadline(time.Now().Add(patience))
					k, _, err := srv.ReadFromUDPAddrPort(buf)
					if err != nil || string(buf[:k]) == "the end" {
						return
					}
					arrived <- struct{}{}
				}
			}()
			count := 0
			for i := range n {
				send(t, c, fmt.Sprint(i))
				if i%64 == 63 { // fits into the receive buffers of the relay and of the server
					r.until(t, "it has read all", func(s relay.Stats) bool { return s.Up.Received == uint64(i+1) })
					for sent := r.Stats().Up.Sent; uint64(count) < sent; count++ {
						if _, ok := <-arrived; !ok {
							t.Fatalf("%d datagrams arrived, %d were sent", count, sent)
						}
					}
				}
			}
			r.until(t, "all are sent", func(s relay.Stats) bool {
				return s.Up.Received == uint64(n) && s.Up.Sent == s.Up.Delivered+s.Up.Duplicated
			})
			r.Change(func(up, _ *link.Impairment) error { *up = link.Impairment{}; return nil })
			send(t, c, "the end")
			for range arrived {
				count++
			}
			s := r.Stats().Up
			if uint64(count) != s.Delivered-1+s.Duplicated {
				t.Errorf("%d arrived, %d delivered, %d duplicated", count, s.Delivered-1, s.Duplicated)
			}
			p := tt.share - math.Floor(tt.share)
			se := math.Sqrt(p*(1-p)/float64(n)) * tt.spread
			if share := float64(count) / float64(n); math.Abs(share-tt.share) > 3*se {
				t.Errorf("a share of %.4f arrived, want %.4f ± %.4f", share, tt.share, 3*se)
			}
		})
	}
}

func TestDelays(t *testing.T) {
	const delay = 30 * time.Millisecond
	way := link.Impairment{Delay: link.Delay{Base: delay}}
	r := start(t, &relay.Relay{Link: &link.Link{Up: way, Down: way}})
	c := dial(t, r.LocalAddr())
	begun := time.Now()
	ask(t, c, "Hello")
	if took := time.Since(begun); took < 2*delay {
		t.Errorf("the response arrived after %v, want at least %v", took, 2*delay)
	}
	// Ten requests at once keep their order.
	for i := range 10 {
		send(t, c, fmt.Sprint(i))
	}
	for i := range 10 {
		if got, _ := receive(t, c); got != fmt.Sprint(i) {
			t.Errorf("response %d is %q", i, got)
		}
	}
}

// TestRebind lets the server see a new port, and drops what it sends to the old one.
func TestRebind(t *testing.T) {
	srv := listen(t)
	r := start(t, &relay.Relay{
		To: srv.LocalAddr().String(), Link: &link.Link{Up: link.Impairment{RebindEvery: 3}},
	})
	c := dial(t, r.LocalAddr())
	var from []netip.AddrPort
	for i := range 5 {
		send(t, c, fmt.Sprint(i))
		_, peer := receive(t, srv)
		from = append(from, peer)
	}
	if from[0] != from[1] || from[1] == from[2] || from[2] != from[4] {
		t.Errorf("the server saw %v, want a new port with the third datagram", from)
	}
	for i, to := range []netip.AddrPort{from[0], from[4]} {
		if _, err := srv.WriteToUDPAddrPort([]byte{byte('a' + i)}, to); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := receive(t, c); got != "b" {
		t.Errorf("the client received %q, want what was sent to its new port", got)
	}
	r.until(t, "both have arrived", func(s relay.Stats) bool { return s.Down.Received == 2 })
	if s := r.Stats().Down; s.Unmapped != 1 {
		t.Errorf("stats %+v, want that the other one is counted as unmapped", s)
	}
}

func TestIdleMappingsExpire(t *testing.T) {
	r := start(t, &relay.Relay{IdleTimeout: time.Millisecond})
	send(t, dial(t, r.LocalAddr()), "one")
	r.until(t, "the mapping expires", func(s relay.Stats) bool { return s.Expired == 1 && s.Mappings == 0 })

	r = start(t, &relay.Relay{})
	c := dial(t, r.LocalAddr())
	ask(t, c, "one")
	r.ExpireAll()
	ask(t, c, "two")
	if s := r.Stats(); s.Opened != 2 || s.Expired != 1 || s.Mappings != 1 {
		t.Errorf("stats %+v, want a second mapping", s)
	}
}

// TestDelayedDatagramKeepsItsMapping checks that a mapping does not expire while a datagram is
// delayed.
func TestDelayedDatagramKeepsItsMapping(t *testing.T) {
	r := start(t, &relay.Relay{Link: &link.Link{Up: link.Impairment{Delay: link.Delay{Base: time.Hour}}}})
	send(t, dial(t, r.LocalAddr()), "Hello")
	r.until(t, "the datagram is delayed", func(s relay.Stats) bool { return s.Up.Delayed == 1 })
	r.ExpireAll()
	if s := r.Stats(); s.Mappings != 1 || s.Expired != 0 {
		t.Errorf("stats %+v, want one mapping", s)
	}
}

func TestLimits(t *testing.T) {
	r := start(t, &relay.Relay{MaxBytes: 2*relay.Overhead + 32, Link: &link.Link{Up: link.Impairment{
		Delay: link.Delay{Base: time.Hour},
	}}})
	c := dial(t, r.LocalAddr())
	for range 3 {
		send(t, c, "four")
	}
	r.until(t, "all have arrived", func(s relay.Stats) bool { return s.Up.Received == 3 })
	if s := r.Stats().Up; s.BufferFull != 1 || s.Delayed != 2 {
		t.Errorf("stats %+v, want room for two", s)
	}
}

// TestServerRestarts counts the error of a server that is down, and sends to it again.
func TestServerRestarts(t *testing.T) {
	closed, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	addr := closed.LocalAddr().(*net.UDPAddr)
	r := start(t, &relay.Relay{To: addr.String()})
	c := dial(t, r.LocalAddr())
	send(t, c, "one")
	r.until(t, "the error arrives", func(s relay.Stats) bool { return s.PortUnreachable > 0 })
	closed.Close()
	srv, err := net.ListenUDP("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	send(t, c, "two")
	if got, _ := receive(t, srv); got != "two" {
		t.Errorf("the server received %q", got)
	}
	if s := r.Stats(); s.Up.Unsent != 0 || s.ReadErrors != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestChange(t *testing.T) {
	r := start(t, &relay.Relay{Link: &link.Link{Down: link.Impairment{MTU: 100}}})
	c := dial(t, r.LocalAddr())
	ask(t, c, "one")
	before, _ := r.Impairments()
	for _, change := range []func(up, down *link.Impairment) error{
		func(up, _ *link.Impairment) error { up.BlackHole = true; return errors.New("no") },
		func(up, _ *link.Impairment) error { up.Loss.Good = 1.3; return nil },
	} {
		if err := r.Change(change); err == nil {
			t.Error("an invalid change succeeds")
		}
	}
	if after, _ := r.Impairments(); after != before {
		t.Errorf("after an invalid change the link does %v", after)
	}
	ask(t, c, "two")
	if err := r.Change(func(up, _ *link.Impairment) error { return up.UnmarshalText([]byte("black_hole")) }); err != nil {
		t.Fatal(err)
	}
	send(t, c, "three")
	r.until(t, "the datagram is dropped", func(s relay.Stats) bool { return s.Up.BlackHoled == 1 })
	if up, down := r.Impairments(); !up.BlackHole || down.MTU != 100 {
		t.Errorf("the impairments are %v, %v", up, down)
	}
}

func TestListenErrors(t *testing.T) {
	taken := listen(t).LocalAddr().String()
	for _, tt := range []struct {
		name  string
		relay *relay.Relay
		says  string
	}{
		{"taken", &relay.Relay{Addr: taken, To: taken}, "listen " + taken},
		{"no server", &relay.Relay{}, "dial : "},
		{"bad server", &relay.Relay{To: "127.0.0.1:70000"}, "dial 127.0.0.1:70000"},
		{"bad address", &relay.Relay{Addr: "nowhere", To: taken}, "listen nowhere"},
		{"idle", &relay.Relay{IdleTimeout: -1}, "IdleTimeout is -1ns"},
		{"ports", &relay.Relay{MaxMappings: -1}, "MaxMappings is -1"},
		{"new ports", &relay.Relay{MaxNewMappings: -1}, "MaxNewMappings is -1"},
		{"ports of an address", &relay.Relay{MaxMappingsPerAddress: -1}, "MaxMappingsPerAddress is -1"},
		{"new ports of an address", &relay.Relay{MaxNewMappingsPerAddress: -1},
			"MaxNewMappingsPerAddress is -1"},
		{"bytes", &relay.Relay{MaxBytes: -1}, "MaxBytes is -1"},
		{"link", &relay.Relay{Link: &link.Link{Up: link.Impairment{MTU: -1}}}, "up.mtu is -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.relay.Listen(t.Context())
			if err == nil {
				tt.relay.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%v, want %q", err, tt.says)
			}
			var addr *relay.AddrError
			if tt.name == "taken" && (!errors.As(err, &addr) || !addr.InUse()) {
				t.Errorf("%v does not say that the address is in use", err)
			}
		})
	}
	r := start(t, &relay.Relay{})
	ask(t, dial(t, r.LocalAddr()), "serving")
	if err := r.Listen(context.Background()); err == nil {
		t.Error("a second Listen succeeds")
	}
	if err := r.Serve(); err == nil || errors.Is(err, relay.ErrClosed) {
		t.Errorf("a second Serve returns %v", err)
	}
}

// TestWildcard: a client that asks several addresses from one port gets each response from the address
// that it asked.
func TestWildcard(t *testing.T) {
	r := start(t, &relay.Relay{Addr: "0.0.0.0:0"})
	addrs := ownAddrs(t)
	pc, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // one source, not connected
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	pc.SetDeadline(time.Now().Add(patience))
	for round := range 20 {
		want := make(map[netip.AddrPort]string)
		for i, addr := range addrs {
			to := netip.AddrPortFrom(addr, r.LocalAddr().Port())
			text := fmt.Sprintf("%d.%d", round, i)
			if _, err := pc.WriteToUDPAddrPort([]byte(text), to); err != nil {
				t.Fatal(err)
			}
			want[to] = string(flip.Append(nil, []byte(text)))
		}
		got := make(map[netip.AddrPort]string)
		for range addrs {
			text, from := receive(t, pc)
			got[from] = text
		}
		if !maps.Equal(got, want) {
			t.Fatalf("round %d: responses %v, want %v", round, got, want)
		}
	}
}

// ownAddrs lists IPv4 loopback addresses that a wildcard serves. Where it serves the addresses of the
// interfaces only, that is usually one, and the test checks the source of its responses.
func ownAddrs(t *testing.T) (addrs []netip.Addr) {
	t.Helper()
	if wholeLoopback {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}
	}
	nets, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nets {
		if p, err := netip.ParsePrefix(n.String()); err == nil && p.Addr().Is4() && p.Addr().IsLoopback() {
			addrs = append(addrs, p.Addr())
		}
	}
	return addrs
}
