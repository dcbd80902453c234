package ohce_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

// A lossResult is the result of n exchanges over a link with loss.
type lossResult struct {
	n, answered int
	elapsed     []time.Duration // of the answered exchanges, sorted
	datagrams   uint64
}

func (c *lossResult) unanswered() float64 { return float64(c.n-c.answered) / float64(c.n) }

// exchangeWithLoss makes n exchanges one after the other over a link with loss in each direction.
func exchangeWithLoss(t *testing.T, retry ohce.Retry, loss float64, rtt time.Duration, n int) *lossResult {
	t.Helper()
	c := &lossResult{n: n}
	oneWay := link.Impairment{Loss: link.RandomLoss(loss), Delay: link.Delay{Base: rtt / 2}}
	synctest.Test(t, func(t *testing.T) {
		server := netip.MustParseAddrPort("192.0.2.2:3000")
		network := &ohcetest.Network{Link: ohcetest.Impair(&link.Link{Seed: 1, Up: oneWay, Down: oneWay}, server)}
		pc, err := network.ListenPacket(server.String())
		if err != nil {
			t.Fatal(err)
		}
		serve(t, &ohce.Server{Handler: reverser}, pc)
		client := &ohce.Client{
			Addr: server.String(), Dial: network.Dial, Retry: retry, Match: ohce.MatchExact(reversed), Linger: -1,
		}
		defer client.Close()
		for i := range n {
			resp, err := client.Exchange(context.Background(), fmt.Appendf(nil, "request %d", i))
			switch {
			case err == nil && isAnswer(resp.Data, i):
				c.answered++
				c.elapsed = append(c.elapsed, resp.Elapsed)
			case err == nil:
				t.Fatalf("answer %d is %q", i, resp.Data)
			case !errors.Is(err, ohce.ErrServerDown):
				t.Fatal(err)
			}
		}
		c.datagrams = client.Stats().Attempts
	})
	slices.Sort(c.elapsed)
	return c
}

// TestAdaptiveSendsOnce checks that without loss each exchange takes one datagram. This includes
// the first exchange if the round-trip time is less than a second.
func TestAdaptiveSendsOnce(t *testing.T) {
	for _, rtt := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 150 * time.Millisecond,
		400 * time.Millisecond, 900 * time.Millisecond} {
		const n = 200
		c := exchangeWithLoss(t, ohce.AdaptiveRetry(0), 0, rtt, n)
		if c.answered != n || c.datagrams != n {
			t.Errorf("round-trip time %v: %d of %d answered with %d datagrams", rtt, c.answered, n, c.datagrams)
		}
	}
	// With a longer round trip each exchange takes two datagrams. By Karn's rule none of them
	// yields a sample, so the timeout remains a second.
	c := exchangeWithLoss(t, ohce.AdaptiveRetry(0), 0, 1200*time.Millisecond, 10)
	if c.answered != 10 || c.datagrams != 20 {
		t.Errorf("%d answered with %d datagrams, want 10 with 20", c.answered, c.datagrams)
	}
}

// TestAdaptiveAnswersMoreThanLinear compares AdaptiveRetry with LinearRetry. If the round trip is
// shorter than the waits, LinearRetry leaves (1−(1−p)²)⁵ of the exchanges unanswered, where p is the
// loss in each direction.
func TestAdaptiveAnswersMoreThanLinear(t *testing.T) {
	n := testsize.Pick(10_000, 2000)
	for _, tt := range []struct {
		loss  float64
		rtt   time.Duration
		share float64 // limit, as a share of the exchanges that LinearRetry leaves unanswered
	}{
		{0.1, time.Millisecond, 0.2}, {0.1, 20 * time.Millisecond, 0.2}, {0.1, 150 * time.Millisecond, 0.5},
		{0.3, time.Millisecond, 0.2}, {0.3, 20 * time.Millisecond, 0.2}, {0.3, 150 * time.Millisecond, 0.5},
		{0.5, time.Millisecond, 0.5}, {0.5, 20 * time.Millisecond, 0.5},
	} {
		t.Run(fmt.Sprintf("%g over %v", tt.loss, tt.rtt), func(t *testing.T) {
			t.Parallel()
			linear := exchangeWithLoss(t, ohce.LinearRetry(), tt.loss, tt.rtt, n)
			adaptive := exchangeWithLoss(t, ohce.AdaptiveRetry(0), tt.loss, tt.rtt, n)
			want := math.Pow(1-(1-tt.loss)*(1-tt.loss), 5)
			se := math.Sqrt(want * (1 - want) / float64(n))
			if math.Abs(linear.unanswered()-want) > 3*se {
				t.Errorf("LinearRetry: %.5f unanswered, want %.5f ± 3 × %.5f", linear.unanswered(), want, se)
			}
			if got := adaptive.unanswered(); got > tt.share*want {
				t.Errorf("%.5f unanswered, want at most %g of the %.5f of LinearRetry", got, tt.share, want)
			}
			at := func(c *lossResult, share float64) time.Duration { return c.elapsed[int(share*float64(len(c.elapsed)))] }
			if tt.loss == 0.1 && tt.rtt <= 20*time.Millisecond && at(adaptive, 0.99) > at(linear, 0.99)/2 {
				t.Errorf("p99 %v, want at most half of the %v of LinearRetry", at(adaptive, 0.99), at(linear, 0.99))
			}
			t.Logf("unanswered %.5f and %.5f, p50 %v and %v, p99 %v and %v, datagrams an exchange %.2f and %.2f",
				linear.unanswered(), adaptive.unanswered(), at(linear, 0.5), at(adaptive, 0.5), at(linear, 0.99),
				at(adaptive, 0.99), float64(linear.datagrams)/float64(n), float64(adaptive.datagrams)/float64(n))
		})
	}
}

// TestAdaptiveBudget checks that an exchange with a server that is down ends exactly after the
// budget.
func TestAdaptiveBudget(t *testing.T) {
	for _, budget := range []time.Duration{0, 40 * time.Millisecond, 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			network := &ohcetest.Network{}
			retry := ohce.AdaptiveRetry(budget)
			client := &ohce.Client{Addr: "192.0.2.2:3000", Dial: network.Dial, Retry: retry, Match: ohce.MatchExact(reversed)}
			defer client.Close()
			want := retry.Budget()
			begun := time.Now()
			_, err := client.Exchange(t.Context(), []byte("x"))
			if took := time.Since(begun); !errors.Is(err, ohce.ErrServerDown) || took != want {
				t.Errorf("%v after %v, want ErrServerDown after %v", err, took, want)
			}
			begun = time.Now()
			runStream(t, client, 20)
			if took := time.Since(begun); took != want {
				t.Errorf("a stream took %v, want %v", took, want)
			}
		})
	}
}

// TestAdaptiveStream checks that a stream uses the estimate too, and that loss leaves no request
// unanswered.
func TestAdaptiveStream(t *testing.T) {
	for _, loss := range []float64{0, 0.1} {
		oneWay := link.Impairment{Loss: link.RandomLoss(loss), Delay: link.Delay{Base: 10 * time.Millisecond}}
		server := netip.MustParseAddrPort("192.0.2.2:3000")
		inMemory(t, ohcetest.Impair(&link.Link{Up: oneWay, Down: oneWay}, server), func(t *testing.T, c *ohce.Client) {
			c.Retry = ohce.AdaptiveRetry(0)
			c.MaxInFlight = 500 // a socket in memory has room for 1,024
			const n = 5000
			begun := time.Now()
			if answered := runStream(t, c, n); answered != n {
				t.Errorf("%d of %d answered", answered, n)
			}
			st := c.Stats()
			if loss == 0 && st.Attempts != n {
				t.Errorf("%d datagrams for %d exchanges, want one each", st.Attempts, n)
			}
			t.Logf("%v, %.3f datagrams an exchange", time.Since(begun), float64(st.Attempts)/n)
		})
	}
}
