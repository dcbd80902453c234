package relay_test

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/ohce/ohce/link/relay"
)

// freeAddr returns a loopback address that no socket is bound to.
func freeAddr(t *testing.T) string {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

// A ring is a number of relays of which each forwards to the next one, and the last to the first.
type ring []*testRelay

// startRing starts a relay for each group. Relays of different groups stand for processes.
func startRing(t *testing.T, groups []*relay.Group, configure func(*relay.Relay)) ring {
	t.Helper()
	progress := make(chan struct{}, 1)
	first := freeAddr(t)
	addr, to := "", first
	var all ring
	for i := len(groups) - 1; i >= 0; i-- { // from the last one, so that only first must be known
		if addr = "127.0.0.1:0"; i == 0 {
			addr = first
		}
		r := &relay.Relay{Addr: addr, To: to, Group: groups[i]}
		configure(r)
		all = append(all, startWith(t, r, progress))
		to = r.LocalAddr().String()
	}
	slices.Reverse(all)
	return all
}

// A total is the sum of the counters of a ring.
type total struct{ received, ports, loop, portLimit, addressLimit uint64 }

func (all ring) total() (sum total) {
	for _, r := range all {
		s := r.Stats()
		sum.received += s.Up.Received
		sum.ports += s.Opened
		sum.loop += s.Loop
		sum.portLimit += s.PortLimit
		sum.addressLimit += s.AddressLimit
	}
	return sum
}

// untilDropped waits until the ring has dropped n datagrams.
func (all ring) untilDropped(t *testing.T, n uint64) {
	t.Helper()
	all[0].until(t, "the ring drops", func(relay.Stats) bool {
		sum := all.total()
		return sum.loop+sum.portLimit+sum.addressLimit == n
	})
}

// TestRingInOneGroup checks that a datagram passes each relay of a ring once.
func TestRingInOneGroup(t *testing.T) {
	for _, n := range []uint64{2, 3, 5} {
		groups := slices.Repeat([]*relay.Group{new(relay.Group)}, int(n))
		all := startRing(t, groups, (*relay.Relay).HideHopLimits)
		c := dial(t, all[0].LocalAddr())
		for sent := range uint64(3) {
			send(t, c, "Hello")
			all.untilDropped(t, sent+1)
		}
		if got, want := all.total(), (total{received: 3 * (n + 1), ports: n, loop: 3}); got != want {
			t.Errorf("ring of %d: %+v, want %+v", n, got, want)
		}
	}
}

// TestNewPortsOfARing checks that each limit of new mappings ends a loop that the relays cannot
// recognise.
func TestNewPortsOfARing(t *testing.T) {
	one, other := new(relay.Group), new(relay.Group)
	for _, groups := range [][]*relay.Group{{one, other}, {one, one, other}, {nil, nil, nil}} {
		const limit = 20
		for _, configure := range []func(*relay.Relay){
			func(r *relay.Relay) { r.MaxNewMappings = limit },
			func(r *relay.Relay) { r.MaxNewMappingsPerAddress = limit },
		} {
			all := startRing(t, groups, func(r *relay.Relay) { configure(r); r.HideHopLimits() })
			send(t, dial(t, all[0].LocalAddr()), "Hello")
			all.untilDropped(t, 1)
			sum := all.total()
			if sum.received != sum.ports+1 || sum.ports < limit {
				t.Errorf("ring of %d: %+v, want a new port for each datagram but the last", len(all), sum)
			}
		}
	}
}

// TestChain checks that relays of one group can forward to each other.
func TestChain(t *testing.T) {
	group := new(relay.Group)
	last := start(t, &relay.Relay{Group: group})
	middle := start(t, &relay.Relay{Group: group, To: last.LocalAddr().String()})
	first := start(t, &relay.Relay{Group: group, To: middle.LocalAddr().String()})
	// Clients send to each relay, so that some requests pass three relays and others one.
	for range 3 {
		for _, r := range []*testRelay{first, middle, last} {
			ask(t, dial(t, r.LocalAddr()), "Hello")
		}
	}
	first.ExpireAll() // the next requests arrive from ports that are new to the other relays
	ask(t, dial(t, first.LocalAddr()), "again")
	for _, r := range []*testRelay{first, middle, last} {
		if s := r.Stats(); s.Loop != 0 || s.PortLimit != 0 {
			t.Errorf("a relay of a chain drops: %+v", s)
		}
	}
}

// TestListenRefusesItself checks the ways to write the relay's own address.
func TestListenRefusesItself(t *testing.T) {
	for _, tt := range []struct {
		addr, to string // hosts
		own      bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "::ffff:127.0.0.1", true},
		{"127.0.0.1", "0.0.0.0", true},
		{"0.0.0.0", "127.0.0.1", true},
		{"0.0.0.0", "127.9.9.9", true},
		{"", "127.0.0.1", true},
		{"", "localhost", true},
		{"::", "::1", true},
		{"::1", "::1", true},
		{"0.0.0.0", "::1", false},
		{"127.0.0.1", "127.0.0.2", false},
		{"0.0.0.0", "192.0.2.1", false},
	} {
		_, port, err := net.SplitHostPort(freeAddr(t))
		if err != nil {
			t.Fatal(err)
		}
		r := &relay.Relay{Addr: net.JoinHostPort(tt.addr, port), To: net.JoinHostPort(tt.to, port)}
		err = r.Listen(t.Context())
		var addr *relay.AddrError
		switch {
		case errors.As(err, &addr) && addr.Op == "listen" && tt.addr == "::1":
			t.Logf("%v: without IPv6 there is nothing to check", err)
		case tt.own && (!errors.Is(err, relay.ErrLoop) || !errors.As(err, &addr) || addr.Op != "dial"):
			t.Errorf("listen on %s, forward to %s: %v, want ErrLoop", r.Addr, r.To, err)
		case !tt.own && errors.Is(err, relay.ErrLoop):
			t.Errorf("listen on %s, forward to %s: %v", r.Addr, r.To, err)
		}
		r.Close()
	}
}

// TestInterfaceAddress forwards from a wildcard to an address of an interface.
func TestInterfaceAddress(t *testing.T) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		_, port, _ := net.SplitHostPort(freeAddr(t))
		r := &relay.Relay{Addr: ":" + port, To: net.JoinHostPort(p.Addr().String(), port)}
		if err := r.Listen(t.Context()); !errors.Is(err, relay.ErrLoop) {
			t.Errorf("forward to %s: %v, want ErrLoop", r.To, err)
		}
		r.Close()
		return
	}
	t.Skip("this machine has loopback addresses only")
}

func TestForwardsTo(t *testing.T) {
	last := start(t, &relay.Relay{Addr: "0.0.0.0:0"})
	to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), last.LocalAddr().Port())
	first := start(t, &relay.Relay{To: to.String()})
	if !first.ForwardsTo(last.Relay) || last.ForwardsTo(first.Relay) || first.ForwardsTo(first.Relay) {
		t.Error("only the first relay forwards to the last one")
	}
	if first.ForwardsTo(&relay.Relay{}) || new(relay.Relay).ForwardsTo(first.Relay) {
		t.Error("a relay that does not listen takes part")
	}
}
