package relay_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
)

// patience bounds every wait of these tests. It is only used up where something fails.
const patience = 10 * time.Second

// start starts a relay to a server that turns texts around.
func start(t *testing.T, r *relay.Relay) *relay.Relay {
	t.Helper()
	if r.To == "" {
		r.To = turning(t).Addr
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("the relay ended with %v", err)
		}
		account(t, r)
	})
	return r
}

func turning(t *testing.T) *ohcetest.Server {
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	}))
	t.Cleanup(srv.Close)
	return srv
}

// account checks that every datagram ended in one counter, in a relay that has been closed.
func account(t *testing.T, r *relay.Relay) {
	t.Helper()
	s := r.Stats()
	if got := s.Up.Seen + s.Up.Oversize + s.NoPort; got != s.Up.Received {
		t.Errorf("%d requests received, %d booked: %+v", s.Up.Received, got, s)
	}
	if got := s.Down.Seen + s.Down.Oversize; got != s.Down.Received {
		t.Errorf("%d answers received, %d booked: %+v", s.Down.Received, got, s)
	}
	for _, w := range []relay.Way{s.Up, s.Down} {
		if out := w.Sent + w.Unsent + w.Crowded + w.Forgotten + w.Waiting; out != w.Delivered+w.Duplicated {
			t.Errorf("%d to be delivered, %d booked: %+v", w.Delivered+w.Duplicated, out, w)
		}
		if in := w.BlackHoled + w.TooLong + w.Lost + w.Overflow + w.Delivered; in != w.Seen {
			t.Errorf("%d seen, %d booked: %+v", w.Seen, in, w)
		}
	}
}

// dial is a socket that asks an address.
func dial(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// listen is a socket on which a test plays the server.
func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetReadBuffer(4 << 20)
	c.SetDeadline(time.Now().Add(patience))
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
		t.Errorf("%q was answered with %q", text, got)
	}
}

// until waits for something that happens on other goroutines, and fails if it does not.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for begun := time.Now(); !f(); runtime.Gosched() {
		if time.Since(begun) > patience {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestPassesEverything(t *testing.T) {
	r := start(t, &relay.Relay{})
	c := dial(t, r.Addr())
	for i := range 100 {
		ask(t, c, fmt.Sprintf("Hello %d", i))
	}
	ask(t, c, "")
	ask(t, c, strings.Repeat("a", 65_507))
	s := r.Stats()
	if s.Ports != 1 || s.Up.Sent != 102 || s.Down.Sent != 102 {
		t.Errorf("stats %+v", s)
	}
}

// TestEachClientHasAPort: a thousand clients ask in turn and all at once, each gets its own answers, and
// the server sees as many ports.
func TestEachClientHasAPort(t *testing.T) {
	const clients = 1000
	seen := make(map[netip.AddrPort]bool)
	srv := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		seen[r.RemoteAddr] = true
		w.Write(flip.Append(w.AvailableBuffer(), r.Data))
	}))
	r := start(t, &relay.Relay{To: srv.Addr})
	var all []*net.UDPConn
	for range clients {
		all = append(all, dial(t, r.Addr()))
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
	if s := r.Stats(); s.Ports != clients || len(seen) != clients {
		t.Errorf("%d ports, the server saw %d, want %d", s.Ports, len(seen), clients)
	}
}

// TestWhatArrivesIsWhatWasDecided counts on the server's side of real sockets what each model lets
// through, against what was asked, within 3 standard errors.
func TestWhatArrivesIsWhatWasDecided(t *testing.T) {
	const n = 20_000
	for _, tt := range []struct {
		name   string
		up     link.Impairment
		share  float64 // that arrives
		spread float64 // how much wider the error is than for independent events
	}{
		{"nothing", link.Impairment{}, 1, 1},
		{"1% lost", link.Impairment{Loss: link.RandomLoss(0.01)}, 0.99, 1},
		{"30% lost", link.Impairment{Loss: link.RandomLoss(0.3)}, 0.7, 1},
		{"20% lost in bursts of 5", link.Impairment{Loss: link.BurstLoss(0.2, 5)}, 0.8,
			math.Sqrt((1 + 0.75) / (1 - 0.75))},
		// Neighbours are alike by λ = 0.75 where the states differ: their covariances add up.
		{"Gilbert and Elliott", link.Impairment{Loss: link.Loss{Good: 0.02, Bad: 0.6, ToBad: 0.05, ToGood: 0.2}},
			1 - (0.8*0.02 + 0.2*0.6), math.Sqrt(1 + 2*0.58*0.58*0.2*0.8*0.75/0.25/(0.136*0.864))},
		{"10% doubled", link.Impairment{Duplicate: 0.1}, 1.1, 1},
		{"delayed", link.Impairment{Delay: link.Delay{Base: time.Millisecond, Jitter: time.Millisecond}}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := listen(t)
			r := start(t, &relay.Relay{
				To: srv.LocalAddr().String(), Link: &link.Link{Seed: 7, Up: tt.up},
			})
			c := dial(t, r.Addr())
			got := make(chan int)
			go func() {
				buf, n := make([]byte, 100), 0
				for {
					k, _, err := srv.ReadFromUDPAddrPort(buf)
					if err != nil || string(buf[:k]) == "the end" {
						got <- n
						return
					}
					n++
				}
			}()
			for i := range n {
				send(t, c, fmt.Sprint(i))
				if i%64 == 63 { // no more than the buffers take
					until(t, "the relay reads", func() bool { return r.Stats().Up.Received == uint64(i+1) })
				}
			}
			until(t, "all is delivered", func() bool {
				s := r.Stats().Up
				return s.Received == n && s.Sent == s.Delivered+s.Duplicated
			})
			r.Change(func(up, _ *link.Impairment) error { *up = link.Impairment{}; return nil })
			send(t, c, "the end")
			count := <-got
			s := r.Stats().Up
			if uint64(count) != s.Delivered-1+s.Duplicated {
				t.Errorf("%d arrived, %d delivered, %d doubled", count, s.Delivered-1, s.Duplicated)
			}
			p := tt.share - math.Floor(tt.share)
			se := math.Sqrt(p*(1-p)/n) * tt.spread
			if share := float64(count) / n; math.Abs(share-tt.share) > 3*se {
				t.Errorf("a share of %.4f arrived, want %.4f ± %.4f", share, tt.share, 3*se)
			}
		})
	}
}

func TestDelays(t *testing.T) {
	const delay = 30 * time.Millisecond
	way := link.Impairment{Delay: link.Delay{Base: delay}}
	r := start(t, &relay.Relay{Link: &link.Link{Up: way, Down: way}})
	c := dial(t, r.Addr())
	begun := time.Now()
	ask(t, c, "Hello")
	if took := time.Since(begun); took < 2*delay {
		t.Errorf("the answer came after %v, want at least %v", took, 2*delay)
	}
	// Ten at once take no longer than one, and keep their order.
	for i := range 10 {
		send(t, c, fmt.Sprint(i))
	}
	for i := range 10 {
		if got, _ := receive(t, c); got != fmt.Sprint(i) {
			t.Errorf("answer %d is %q", i, got)
		}
	}
}

// TestRebind: the server sees another port, and what it answers to the old one is lost.
func TestRebind(t *testing.T) {
	srv := listen(t)
	r := start(t, &relay.Relay{
		To: srv.LocalAddr().String(), Link: &link.Link{Up: link.Impairment{RebindEvery: 3}},
	})
	c := dial(t, r.Addr())
	var from []netip.AddrPort
	for i := range 5 {
		send(t, c, fmt.Sprint(i))
		_, peer := receive(t, srv)
		from = append(from, peer)
	}
	if from[0] != from[1] || from[1] == from[2] || from[2] != from[4] {
		t.Errorf("the server saw %v, want another port with the third", from)
	}
	for i, to := range []netip.AddrPort{from[0], from[4]} {
		if _, err := srv.WriteToUDPAddrPort([]byte{byte('a' + i)}, to); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := receive(t, c); got != "b" {
		t.Errorf("the client got %q, want what was sent to its new port", got)
	}
	until(t, "the other one is counted", func() bool { return r.Stats().Down.Forgotten == 1 })
}

func TestIdlePortsExpire(t *testing.T) {
	r := start(t, &relay.Relay{Idle: 20 * time.Millisecond})
	c := dial(t, r.Addr())
	ask(t, c, "one")
	until(t, "the port expires", func() bool { return r.Stats().Expired == 1 && r.Stats().Ports == 0 })
	ask(t, c, "two")
	if s := r.Stats(); s.Opened != 2 {
		t.Errorf("%d ports were opened, want 2", s.Opened)
	}
}

// TestWhatIsDelayedKeepsItsPort: a port does not expire while something is on its way.
func TestWhatIsDelayedKeepsItsPort(t *testing.T) {
	way := link.Impairment{Delay: link.Delay{Base: 400 * time.Millisecond}}
	r := start(t, &relay.Relay{Idle: 200 * time.Millisecond, Link: &link.Link{Up: way, Down: way}})
	ask(t, dial(t, r.Addr()), "Hello")
	if s := r.Stats(); s.Opened != 1 {
		t.Errorf("%d ports were opened, want 1", s.Opened)
	}
}

func TestLimits(t *testing.T) {
	r := start(t, &relay.Relay{MaxPorts: 1})
	first, second := dial(t, r.Addr()), dial(t, r.Addr())
	ask(t, first, "one")
	send(t, second, "two")
	until(t, "the second has no port", func() bool { return r.Stats().NoPort == 1 })
	ask(t, first, "three")

	r = start(t, &relay.Relay{MaxBytes: 10, Link: &link.Link{Up: link.Impairment{
		Delay: link.Delay{Base: time.Hour},
	}}})
	c := dial(t, r.Addr())
	for range 3 {
		send(t, c, "four")
	}
	until(t, "the third has no room", func() bool {
		s := r.Stats()
		return s.Up.Crowded == 1 && s.Up.Waiting == 2
	})
}

// TestServerRestarts: a server that is not there is counted, and found again.
func TestServerRestarts(t *testing.T) {
	srv := listen(t)
	addr := srv.LocalAddr().(*net.UDPAddr)
	srv.Close()
	r := start(t, &relay.Relay{To: addr.String()})
	c := dial(t, r.Addr())
	send(t, c, "one")
	until(t, "it is refused", func() bool { return r.Stats().Refused > 0 })
	srv, err := net.ListenUDP("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	srv.SetDeadline(time.Now().Add(patience))
	send(t, c, "two")
	if got, _ := receive(t, srv); got != "two" {
		t.Errorf("the server got %q", got)
	}
	if s := r.Stats(); s.Up.Unsent != 0 || s.ReadErrors != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestChange(t *testing.T) {
	r := start(t, &relay.Relay{Link: &link.Link{Down: link.Impairment{MTU: 100}}})
	c := dial(t, r.Addr())
	ask(t, c, "one")
	before, _ := r.Impairments()
	for _, change := range []func(up, down *link.Impairment) error{
		func(up, _ *link.Impairment) error { up.BlackHole = true; return errors.New("no") },
		func(up, _ *link.Impairment) error { up.Loss.Good = 1.3; return nil },
	} {
		if err := r.Change(change); err == nil {
			t.Error("a bad change is taken")
		}
	}
	if after, _ := r.Impairments(); after != before {
		t.Errorf("a bad change has changed something: %v", &after)
	}
	ask(t, c, "two")
	if err := r.Change(func(up, _ *link.Impairment) error { return up.Apply("black_hole") }); err != nil {
		t.Fatal(err)
	}
	send(t, c, "three")
	until(t, "the hole swallows it", func() bool { return r.Stats().Up.BlackHoled == 1 })
	if up, down := r.Impairments(); !up.BlackHole || down.MTU != 100 {
		t.Errorf("the link does %v, %v", &up, &down)
	}
}

func TestStartErrors(t *testing.T) {
	taken := listen(t).LocalAddr().String()
	for _, tt := range []struct {
		name  string
		relay *relay.Relay
		says  string
	}{
		{"taken", &relay.Relay{Listen: taken, To: taken}, "listen " + taken},
		{"no server", &relay.Relay{}, "to : "},
		{"bad server", &relay.Relay{To: "127.0.0.1:70000"}, "to 127.0.0.1:70000"},
		{"bad address", &relay.Relay{Listen: "nowhere", To: taken}, "listen nowhere"},
		{"idle", &relay.Relay{Idle: -1}, "Idle is -1ns"},
		{"ports", &relay.Relay{MaxPorts: -1}, "MaxPorts is -1"},
		{"bytes", &relay.Relay{MaxBytes: -1}, "MaxBytes is -1"},
		{"link", &relay.Relay{Link: &link.Link{Up: link.Impairment{MTU: -1}}}, "up.mtu is -1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.relay.Start(t.Context())
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
	r := start(t, &relay.Relay{To: taken})
	if err := r.Start(context.Background()); err == nil {
		t.Error("it starts twice")
	}
	if err := new(relay.Relay).Close(); err != nil {
		t.Errorf("closing what was not started: %v", err)
	}
}

// TestWildcard: a client that asks several addresses from one port gets each response from the address
// that it asked.
func TestWildcard(t *testing.T) {
	r := start(t, &relay.Relay{Listen: "0.0.0.0:0"})
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
			to := netip.AddrPortFrom(addr, r.Addr().Port())
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

// ownAddrs lists IPv4 addresses of this machine, two and more where a wildcard serves them.
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
		if p, err := netip.ParsePrefix(n.String()); err == nil && p.Addr().Is4() {
			addrs = append(addrs, p.Addr())
		}
	}
	if len(addrs) < 2 {
		t.Log("this machine has one address: only the responses' source is checked")
	}
	return addrs
}
