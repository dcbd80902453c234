package ohce_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/ohcetest"
)

// TestServerGuard checks that the guard receives each datagram before the handler, and that each
// verdict is counted.
func TestServerGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := netip.MustParseAddrPort("10.0.0.1:3000")
		client := netip.MustParseAddrPort("10.0.0.9:53") // the default guard drops this port
		verdicts := map[string]guard.Verdict{
			"loop": guard.DropLoop, "rate": guard.DropRate, "denied": guard.DropDenied,
			"unknown": 99,
		}
		var handled []string
		srv := &ohce.Server{
			Guard: guard.RuleFunc(func(now time.Time, d *guard.Datagram) guard.Verdict {
				if d.Source != client || d.Destination != server || !now.Equal(time.Now()) {
					t.Errorf("the guard received a datagram from %v to %v at %v", d.Source, d.Destination, now)
				}
				return verdicts[string(d.Payload)]
			}),
			Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
				handled = append(handled, string(r.Data))
				w.Write(r.Data)
			}),
		}
		n := new(ohcetest.Network)
		listen(t, n, server.String(), srv)
		for _, data := range []string{"loop", "a", "rate", "denied", "b", "unknown"} {
			n.Inject(ohcetest.Datagram{From: client, To: server, Data: []byte(data)})
		}
		synctest.Wait()
		st := srv.Stats()
		if st.Dropped[ohce.DropLoop] != 1 || st.Dropped[ohce.DropRate] != 1 ||
			st.Dropped[ohce.DropDenied] != 2 || st.Answered != 2 {
			t.Errorf("stats %+v, want 1 loop, 1 rate, 2 denied, 2 answered", st)
		}
		if want := []string{"a", "b"}; !slices.Equal(handled, want) {
			t.Errorf("the handler received %q, want %q", handled, want)
		}
	})
}
