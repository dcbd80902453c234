package lab

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/ohcetest"
)

// TestAdaptiveSchedule compares the waits with those of a client that has measured the round-trip
// time of a link without jitter, and whose server then falls silent.
func TestAdaptiveSchedule(t *testing.T) {
	for _, delay := range []int{MinDelay, 40, 80, 150, 400, 499, 560, MaxDelay} {
		s := Settings{Delay: delay, Server: true}
		got := adaptiveSchedule(&s)
		if got.budget() != ohce.AdaptiveRetry(0).Budget() {
			t.Errorf("delay %d ms: the waits add up to %v", delay, got.budget())
		}
		for i, wait := range clientWaits(t, &s) {
			if i > 0 && i >= len(got.waits)-3 {
				break // the random part of the waits leaves less time for the last ones
			}
			want := got.waits[i]
			if wait < want-time.Millisecond || wait > want+want/10+time.Millisecond {
				t.Errorf("delay %d ms: attempt %d waits %v in a client, not from %v to a tenth more", delay, i+1, wait, want)
			}
		}
	}
}

// clientWaits returns the waits of the attempts of a client after a few exchanges.
func clientWaits(t *testing.T, s *Settings) (waits []time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		addr := netip.MustParseAddrPort("192.0.2.2:3000")
		network := &ohcetest.Network{Link: ohcetest.Impair(s.Link(), addr)}
		stop := simulateServer(t, network, addr)
		client := &ohce.Client{
			Addr: addr.String(), Dial: network.Dial, Match: ohce.MatchExact(flip.Append), Linger: -1,
			Retry: ohce.AdaptiveRetry(0),
		}
		for range earlier {
			if _, err := client.Exchange(t.Context(), []byte("Hello")); err != nil && !errors.Is(err, ohce.ErrServerDown) {
				t.Fatal(err)
			}
		}
		stop()
		client.Trace = &ohce.ClientTrace{AttemptSent: func(a ohce.TraceAttempt) { waits = append(waits, a.Wait) }}
		client.Exchange(t.Context(), []byte("Hello"))
		client.Close()
	})
	return waits
}

func TestOdds(t *testing.T) {
	for _, tt := range []struct {
		s             Settings
		attempt, down float64
		inTime        int
		least, most   int // answered of 1,000
	}{
		{Settings{Loss: 30, Delay: 40, Server: true}, 0.49, 0.0345, 5, 940, 985},
		{Settings{Loss: 0, Delay: 40, Server: true}, 1, 0, 5, 1000, 1000},
		{Settings{Loss: 100, Delay: 40, Server: true}, 0, 1, 5, 0, 0},
		{Settings{Loss: 0, Delay: 40}, 0, 1, 5, 0, 0},
		{Settings{Loss: 30, Delay: 400, Server: true}, 0.49, 0.0677, 4, 905, 960},
		{Settings{Loss: 50, Duplicate: 100, Delay: 40, Server: true}, 0.375, 0.0954, 5, 870, 935},
	} {
		o := odds(&tt.s, linearSchedule().waits)
		near := func(a, b float64) bool { return a-b < 0.0001 && b-a < 0.0001 }
		if !near(o.Attempt, tt.attempt) || !near(o.Down, tt.down) || o.InTime != tt.inTime ||
			o.Answered < tt.least || o.Answered > tt.most {
			t.Errorf("%+v: %+v, want %+v", tt.s, o, tt)
		}
	}
}
