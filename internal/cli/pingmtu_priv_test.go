//go:build priv && linux

package cli

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/ohce/ohce/internal/netns"
)

// A narrowPath is a client, a router and a server. The links have an MTU of 1,500 bytes, and the routes
// of the router have smaller ones.
type narrowPath struct{ client, router, server netns.Host }

// newNarrowPath returns a path. The addresses of the client and the server are 192.0.2.2, 2001:db8:1::2,
// 198.51.100.2 and 2001:db8:2::2. Those of the router end in 1.
func newNarrowPath(t *testing.T) narrowPath {
	t.Helper()
	p := narrowPath{netns.New(t, "client"), netns.New(t, "router"), netns.New(t, "server")}
	client, left := netns.Link(t, p.client, "client0", p.router, "left")
	server, right := netns.Link(t, p.server, "server0", p.router, "right")
	client.AddAddrs(t, "192.0.2.2/24", "2001:db8:1::2/64")
	left.AddAddrs(t, "192.0.2.1/24", "2001:db8:1::1/64")
	server.AddAddrs(t, "198.51.100.2/24", "2001:db8:2::2/64")
	right.AddAddrs(t, "198.51.100.1/24", "2001:db8:2::1/64")
	client.IP(t, "route add default via 192.0.2.1")
	client.IP(t, "route add default via 2001:db8:1::1")
	server.IP(t, "route add default via 198.51.100.1")
	server.IP(t, "route add default via 2001:db8:2::1")
	p.router.Forward(t)
	return p
}

// set sets the path MTU of both directions, and whether the router sends ICMP messages to the client
// and the server. The hosts forget what they know about the path.
func (p narrowPath) set(t *testing.T, forward, back int, icmpForward, icmpBack bool) {
	t.Helper()
	for _, to := range []string{"198.51.100.2 dev right", "2001:db8:2::2 dev right"} {
		p.router.IP(t, fmt.Sprintf("route replace %s mtu lock %d", to, forward))
	}
	for _, to := range []string{"192.0.2.2 dev left", "2001:db8:1::2 dev left"} {
		p.router.IP(t, fmt.Sprintf("route replace %s mtu lock %d", to, back))
	}
	rules := "add table inet test; delete table inet test; add table inet test; " +
		"add chain inet test out { type filter hook output priority 0; }; "
	for _, d := range []struct {
		device string
		icmp   bool
	}{{"left", icmpForward}, {"right", icmpBack}} {
		if !d.icmp {
			rules += fmt.Sprintf("add rule inet test out oifname %s icmp type destination-unreachable drop; "+
				"add rule inet test out oifname %[1]s icmpv6 type packet-too-big drop; ", d.device)
		}
	}
	p.router.Exec(t, "nft", rules)
	for _, h := range []netns.Host{p.client, p.server} {
		h.IP(t, "route flush cache")
		h.IP(t, "-6 route flush cache")
	}
}

// A mtuResult is the output of ohce ping --mtu --json.
type mtuResult struct{ Forward, Return mtuDirectionJSON }

// measure runs ohce ping --mtu in the client.
func (p narrowPath) measure(t *testing.T, target string, args ...string) (r mtuResult) {
	t.Helper()
	args = append([]string{"netns", "exec", p.client.Name, "ohce", "ping", "--mtu", "--json", "-c", "2",
		"-W", "100ms", target}, args...)
	cmd := exec.Command("ip", args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r
}

// mtuFamilies are the servers on a narrowPath, with the address of the router.
var mtuFamilies = []struct {
	name, target, router string
	inet6                bool
}{
	{"IPv4", "198.51.100.2:3000", "192.0.2.1", false},
	{"IPv6", "[2001:db8:2::2]:3000", "2001:db8:1::1", true},
}

// TestPrivPathMTU measures paths whose directions differ, with and without ICMP messages in each
// direction. All results that can be known are exact to the byte.
func TestPrivPathMTU(t *testing.T) {
	p := newNarrowPath(t)
	servingIn(t, p.server, "--listen", "198.51.100.2:3000", "--listen", "[2001:db8:2::2]:3000")
	for _, c := range []mtuCase{
		{forward: 1500, back: 1500}, {forward: 1401, back: 1333}, {forward: 1333, back: 1401},
		{forward: 1500, back: 1390}, {forward: 1296, back: 1500}, {forward: 1444, back: 1444},
	} {
		for icmp := range 4 {
			c.icmpForward, c.icmpBack = icmp&1 != 0, icmp&2 != 0
			p.set(t, c.forward, c.back, c.icmpForward, c.icmpBack)
			t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
				for _, f := range mtuFamilies {
					t.Run(f.name, func(t *testing.T) {
						t.Parallel()
						r := p.measure(t, f.target)
						c.inet6 = f.inet6
						c.check(t, &r, f.router)
					})
				}
			})
		}
	}
}

// A mtuCase is a path, and what can be known about it.
type mtuCase struct {
	forward, back         int
	icmpForward, icmpBack bool
	inet6                 bool
}

// check checks a result.
func (c mtuCase) check(t *testing.T, r *mtuResult, router string) {
	t.Helper()
	forward, back := c.wantForward(), c.wantReturn()
	if r.Forward.Router != nil && r.Forward.Router.String() == router && forward.Limit == "icmp" {
		r.Forward.Router = nil
	}
	forward.Payload, back.Payload = r.Forward.Payload, r.Return.Payload
	if r.Forward != forward {
		t.Errorf("forward %+v, want %+v", r.Forward, forward)
	}
	if r.Return != back {
		t.Errorf("return %+v, want %+v", r.Return, back)
	}
}

// reported reports whether the router tells the client the path MTU.
func (c mtuCase) reported() bool { return c.icmpForward && c.forward < 1500 }

// answered returns the size of the largest request in one piece that has a response. A server that
// knows the path MTU sends its response in fragments.
func (c mtuCase) answered() int {
	if c.icmpBack {
		return c.forward
	}
	return min(c.forward, c.back)
}

// wantForward returns the result for the forward direction. A longer request shows that it is too long
// if its response would return.
func (c mtuCase) wantForward() mtuDirectionJSON {
	seen := c.answered()
	responds := c.back > c.forward || c.icmpBack
	if c.inet6 { // a request that is too long does not arrive in fragments, and shows nothing
		responds = c.icmpBack && c.back < c.forward
	}
	switch {
	case c.reported():
		return mtuDirectionJSON{MTU: c.forward, Seen: seen, Exact: true, Limit: "icmp"}
	case seen == 1500:
		return mtuDirectionJSON{MTU: 1500, Seen: 1500, Exact: true, Limit: "interface"}
	default:
		return mtuDirectionJSON{MTU: seen, Seen: seen, Exact: seen == c.forward && responds, Limit: "lost"}
	}
}

// wantReturn returns the result for the return direction.
func (c mtuCase) wantReturn() mtuDirectionJSON {
	arrives := !c.inet6 || c.reported() // requests of any size arrive, in fragments if necessary
	switch seen := c.answered(); {
	case !arrives && c.back >= c.forward && c.forward < 1500 || !arrives && !c.icmpBack && c.back < 1500:
		return mtuDirectionJSON{MTU: seen, Seen: seen, Limit: "lost"}
	case c.back == 1500:
		return mtuDirectionJSON{MTU: 1500, Seen: 1500, Exact: true, Limit: "interface"}
	case c.icmpBack:
		return mtuDirectionJSON{MTU: c.back, Seen: c.back, Exact: true, Limit: "fragmented"}
	default:
		// With IPv6, no request in fragments is answered if the paths are equal, so it may be lost itself.
		exact := !c.inet6 || c.back != c.forward
		return mtuDirectionJSON{MTU: c.back, Seen: c.back, Exact: exact, Limit: "lost"}
	}
}

// TestPrivPathMTUClosedPort measures a forward direction whose long responses do not return.
func TestPrivPathMTUClosedPort(t *testing.T) {
	p := newNarrowPath(t)
	servingIn(t, p.server, "--listen", "198.51.100.2:3000", "--listen", "[2001:db8:2::2]:3000")
	p.set(t, 1422, 1311, false, false)
	for _, f := range mtuFamilies {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			r := p.measure(t, f.target, "--closed-port", "3001")
			if r.Forward.MTU != 1422 || !r.Forward.Exact || r.Return.MTU != 1311 || !r.Return.Exact {
				t.Errorf("%+v, want 1422 and 1311", r)
			}
		})
	}
}

// TestPrivPathMTULoss checks that loss by chance does not look like a small MTU.
func TestPrivPathMTULoss(t *testing.T) {
	p := newNarrowPath(t)
	servingIn(t, p.server, "--listen", "198.51.100.2:3000", "--listen", "[2001:db8:2::2]:3000")
	p.set(t, 1401, 1333, false, false)
	for _, device := range []string{"left", "right"} {
		p.router.Exec(t, "nft", fmt.Sprintf("add table inet loss%s; add chain inet loss%[1]s out "+
			"{ type filter hook postrouting priority 0; }; "+
			"add rule inet loss%[1]s out oifname %[1]s meta l4proto udp numgen random mod 10 == 0 drop", device))
	}
	r := p.measure(t, "198.51.100.2:3000", "-c", "4")
	want := mtuDirectionJSON{MTU: 1333, Payload: 1305, Seen: 1333, Limit: "lost"}
	if r.Forward != want {
		t.Errorf("forward %+v, want %+v", r.Forward, want)
	}
	if want.Exact = true; r.Return != want {
		t.Errorf("return %+v, want %+v", r.Return, want)
	}
}
