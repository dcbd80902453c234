package cli

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/ohcetest"
)

// With its seed the demo's link loses datagrams in both directions, and each message is answered
// after three attempts at most.
func TestDemoLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := netip.MustParseAddrPort("192.0.2.7:3000")
		var lostUp, lostDown int
		impaired := ohcetest.Impair(demoLink(), server)
		network := &ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			arrivals := impaired(d)
			if len(arrivals) == 0 && d.To == server {
				lostUp++
			} else if len(arrivals) == 0 {
				lostDown++
			}
			return arrivals
		}}
		network.NewPeer(server.String(), flip.Append)
		client := &ohce.Client{Addr: server.String(), Dial: network.Dial}
		defer client.Close()
		var attempts []int
		for _, m := range demoMessages {
			resp, err := client.Exchange(t.Context(), []byte(m.text))
			if err != nil {
				t.Fatalf("%q: %v", shorten([]byte(m.text)), err)
			}
			attempts = append(attempts, resp.Attempts)
		}
		if slices.Max(attempts) > 3 || lostUp == 0 || lostDown == 0 {
			t.Errorf("attempts %v, %d requests and %d responses lost; want at most 3 attempts and losses "+
				"in both directions", attempts, lostUp, lostDown)
		}
	})
}
