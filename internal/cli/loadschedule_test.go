package cli

import (
	"cmp"
	"math"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

// TestMaxInFlight checks measure.Load.MaxInFlight for each kind of load.
func TestMaxInFlight(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags loadFlags
		want  int
	}{
		{"few", loadFlags{rate: 1000}, 131_072},
		{"many", loadFlags{rate: 400_000}, 440_000},
		{"of several clients", loadFlags{rate: 400_000, clients: 2}, 220_000},
		{"at random times", loadFlags{rate: 400_000, poisson: true}, 440_000},
		{"steps", loadFlags{steps: "300000:1s,400000:1s,100:1s"}, 440_000},
		{"a ramp", loadFlags{ramp: "400000:10"}, 440_000},
		{"a closed loop", loadFlags{closed: 10}, 550_000},
		{"one request in flight", loadFlags{closed: 1}, 131_072},
		{"a closed loop with segments", loadFlags{closed: 100, segments: true}, 4_194_304},
		{"too many", loadFlags{rate: 1e9}, 4_194_304},
		{"too many of several clients", loadFlags{rate: 1e9, clients: 4}, 1_048_576},
		{"a little of many clients", loadFlags{rate: 1000, clients: 1000}, 1024},
		{"a long timeout", loadFlags{rate: 100_000, timeout: math.MaxInt64, duration: 2 * time.Second}, 200_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &tt.flags
			f.timeout, f.duration = cmp.Or(f.timeout, time.Second), cmp.Or(f.duration, 10*time.Second)
			f.clients = max(f.clients, 1)
			f.given = func(string) bool { return true }
			s, err := f.schedule()
			if err != nil {
				t.Fatal(err)
			}
			if got := f.maxInFlight(s.peak); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// TestLoadSendsWhileLost checks that lost requests do not keep later ones from being sent before they time
// out, although more are sent in that time than a client remembers at least.
func TestLoadSendsWhileLost(t *testing.T) {
	testsize.RequireFull(t)
	const addr, lost = "192.0.2.7:3000", 100
	synctest.Test(t, func(t *testing.T) {
		server, sent := netip.MustParseAddrPort(addr), 0
		n := &ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			if d.To == server {
				if sent++; sent <= lost {
					return nil
				}
			}
			return []ohcetest.Arrival{{After: time.Millisecond, Datagram: d}}
		}}
		n.NewPeer(addr, flip.Append)
		f := &loadFlags{rate: 150_000, timeout: time.Second, duration: time.Second, clients: 1,
			given: func(string) bool { return true }}
		due, err := f.schedule()
		if err != nil {
			t.Fatal(err)
		}
		l := &loader{flags: f, addr: addr, dial: n.Dial, due: due}
		p := new(loadPayload)
		p.match = ohce.MatchExact(flip.Append)
		p.request = func(dst []byte, n int) []byte { return appendNumbered(dst, n, 16) }
		if err := l.resolve(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		r, err := l.load.Run(t.Context(), l.due.due)
		if err != nil {
			t.Fatal(err)
		}
		if r.Sent != 150_000 || r.Lost != lost || r.Own != (measure.Own{}) {
			t.Errorf("%d sent, %d lost, own %+v", r.Sent, r.Lost, r.Own)
		}
	})
}
