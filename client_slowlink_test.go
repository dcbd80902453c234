package ohce_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

// TestStreamFillsSlowLink checks that over a link of 10 Mbit/s with a queue of 100 datagrams, a
// stream uses at least 80 % of the rate and loses less than 2 % of the datagrams to the full queue.
func TestStreamFillsSlowLink(t *testing.T) {
	const bits, queue = 10_000_000, 100
	server := netip.MustParseAddrPort("192.0.2.2:3000")
	for _, tt := range []struct {
		rtt  time.Duration
		size int
		n    int
	}{
		{2 * time.Millisecond, 64, 50_000}, {20 * time.Millisecond, 64, 50_000},
		{20 * time.Millisecond, 1200, 10_000}, {50 * time.Millisecond, 500, 20_000},
		{100 * time.Millisecond, 64, 100_000}, {200 * time.Millisecond, 1200, 10_000},
	} {
		t.Run(fmt.Sprintf("%v with %d bytes", tt.rtt, tt.size), func(t *testing.T) {
			t.Parallel()
			oneWay := link.Impairment{Delay: link.Delay{Base: tt.rtt / 2}, Rate: bits, Queue: queue}
			model := &link.Link{Up: oneWay, Down: oneWay}
			inMemory(t, ohcetest.Impair(model, server), func(t *testing.T, c *ohce.Client) {
				c.Retry = ohce.AdaptiveRetry(0)
				request := bytes.Repeat([]byte{'.'}, tt.size)
				n := testsize.Pick(tt.n, tt.n/20)
				requests := func(yield func([]byte) bool) {
					for i := range n {
						copy(request, strconv.Itoa(i))
						if !yield(request) {
							return
						}
					}
				}
				begun := time.Now()
				for _, err := range outcomes(c.Stream(t.Context(), requests)) {
					if err != nil {
						t.Fatal(err)
					}
				}
				took := time.Since(begun)
				up, down := model.Stats()
				full := float64(up.Delivered) * float64(tt.size+28) * 8 / bits / took.Seconds()
				over := float64(up.Overflow+down.Overflow) / float64(up.Seen+down.Seen)
				t.Logf("utilisation %.2f, overflow %.4f, %.3f datagrams per exchange", full, over,
					float64(up.Seen)/float64(n))
				// A short stream ends before the window has grown.
				if n == tt.n && (full < 0.8 || over >= 0.02) {
					t.Errorf("utilisation %.2f and overflow %.4f, want at least 0.80 and less than 0.02", full,
						over)
				}
			})
		})
	}
}
