package ohce_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/ohcetest"
)

// TestStreamServerDown checks that a stream to a server that is down fails after one retry
// schedule, not after one schedule per window of requests. Without a matcher it may take two
// schedules. Requests sent after the server has started are answered.
func TestStreamServerDown(t *testing.T) {
	for _, expect := range []bool{true, false} {
		t.Run(fmt.Sprint(expect), func(t *testing.T) {
			stopped := true
			link := func(d ohcetest.Datagram) []ohcetest.Arrival {
				if stopped {
					return nil
				}
				return []ohcetest.Arrival{{After: time.Millisecond, Datagram: d}}
			}
			inMemory(t, link, func(t *testing.T, c *ohce.Client) {
				n := testsize.Pick(100_000, 10_000)
				if !expect {
					c.Match = nil
				}
				requests := func(yield func([]byte) bool) {
					for request := range numbered(n) {
						if !yield(request) {
							return
						}
					}
					time.Sleep(5 * time.Second)
					stopped = false
					_ = yield([]byte("one")) && yield([]byte("two"))
				}
				begun := time.Now()
				down, answers := 0, ""
				var took time.Duration
				for resp, err := range outcomes(c.Stream(t.Context(), requests)) {
					switch {
					case errors.Is(err, ohce.ErrServerDown):
						if down++; down == n {
							took = time.Since(begun)
						}
					case err != nil:
						t.Fatal(err)
					default:
						answers += string(resp.Data) + " "
					}
				}
				if down != n || took > 3100*time.Millisecond || expect && took > 1600*time.Millisecond || answers != "eno owt " {
					t.Errorf("%d of %d down after %v, then %q", down, n, took, answers)
				}
				if s := c.Stats(); s.Down != uint64(n) || s.Exchanges != uint64(n+2) || s.Attempts > 1000 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// TestUnansweredRequestsKeepCircuitClosed checks that the circuit breaker stays closed while the
// server answers some requests and ignores others. It also stays closed in the second after all
// requests in flight have ended.
func TestUnansweredRequestsKeepCircuitClosed(t *testing.T) {
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		if len(d.Data) > 0 && d.Data[len(d.Data)-1] == '7' && d.To.Port() == 3000 {
			return nil // one request in ten is never answered
		}
		return []ohcetest.Arrival{{After: time.Millisecond, Datagram: d}}
	}
	inMemory(t, link, func(t *testing.T, c *ohce.Client) {
		const n = 200
		requests := func(yield func([]byte) bool) {
			for i := range n {
				if i == n/2 {
					time.Sleep(1600 * time.Millisecond)
				}
				if !yield(fmt.Appendf(nil, "request %d", i)) {
					return
				}
			}
		}
		answered := 0
		for _, err := range outcomes(c.Stream(t.Context(), requests)) {
			if err == nil {
				answered++
			}
		}
		if answered != n*9/10 {
			t.Errorf("%d of %d answered, want nine in ten", answered, n)
		}
	})
}
