package relay_test

import (
	"net"
	"testing"
	"time"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// TestEviction checks that a new client takes the place of the longest-idle one.
func TestEviction(t *testing.T) {
	r := start(t, &relay.Relay{MaxMappings: 3})
	var clients []*net.UDPConn
	for range 3 {
		c := dial(t, r.LocalAddr())
		ask(t, c, "first")
		clients = append(clients, c)
	}
	ask(t, clients[0], "again")
	ask(t, dial(t, r.LocalAddr()), "new")
	ask(t, clients[2], "kept")
	ask(t, clients[0], "kept")
	if s := r.Stats(); s.Opened != 4 || s.Evicted != 1 || s.Mappings != 3 {
		t.Fatalf("stats %+v, want 4 ports opened, one of them evicted", s)
	}
	ask(t, clients[1], "evicted before")
	if s := r.Stats(); s.Opened != 5 || s.Evicted != 2 || s.NoMapping != 0 {
		t.Errorf("stats %+v, want a second client evicted", s)
	}
}

// TestEvictionLeavesDelayed checks that the relay drops a request rather than a delayed datagram.
func TestEvictionLeavesDelayed(t *testing.T) {
	r := start(t, &relay.Relay{MaxMappings: 1, Link: &link.Link{
		Up: link.Impairment{Delay: link.Delay{Base: time.Hour}},
	}})
	for range 2 {
		send(t, dial(t, r.LocalAddr()), "Hello")
	}
	r.until(t, "the second is dropped", func(s relay.Stats) bool { return s.NoMapping == 1 })
	if s := r.Stats(); s.Evicted != 0 || s.Up.Delayed != 1 {
		t.Errorf("stats %+v, want one delayed datagram", s)
	}
}

// dialFrom returns a client socket that is bound to another loopback address.
func dialFrom(t *testing.T, r *testRelay, last byte) *net.UDPConn {
	t.Helper()
	from := &net.UDPAddr{IP: net.IPv4(127, 0, 0, last)}
	c, err := net.DialUDP("udp4", from, net.UDPAddrFromAddrPort(r.LocalAddr()))
	if err != nil {
		t.Skip("no second loopback address: ", err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// TestPortsOfAnAddress checks that an address with too many ports loses its own.
func TestPortsOfAnAddress(t *testing.T) {
	r := start(t, &relay.Relay{MaxMappingsPerAddress: 3})
	other := dialFrom(t, r, 2)
	ask(t, other, "first")
	for range 10 {
		ask(t, dial(t, r.LocalAddr()), "Hello")
	}
	ask(t, other, "kept")
	if s := r.Stats(); s.Opened != 11 || s.Evicted != 7 || s.Mappings != 4 || s.AddressLimit != 0 {
		t.Errorf("stats %+v, want 11 ports opened, 7 of them evicted", s)
	}
}

// TestNewPortsOfAnAddress checks that the limit of one address leaves ports to another.
func TestNewPortsOfAnAddress(t *testing.T) {
	r := start(t, &relay.Relay{MaxNewMappingsPerAddress: 1})
	for sent := uint64(1); r.Stats().AddressLimit == 0; sent++ {
		if sent > 10 {
			t.Fatalf("10 ports for one address: %+v", r.Stats())
		}
		send(t, dial(t, r.LocalAddr()), "Hello")
		r.until(t, "the request arrives", func(s relay.Stats) bool { return s.Opened+s.AddressLimit == sent })
	}
	opened := r.Stats().Opened
	ask(t, dialFrom(t, r, 2), "Hello")
	if s := r.Stats(); s.Opened != opened+1 || s.AddressLimit != 1 || s.Evicted != 0 {
		t.Errorf("stats %+v, want one request dropped", s)
	}
	r.ExpireAll()
	ask(t, dial(t, r.LocalAddr()), "Hello")
}
