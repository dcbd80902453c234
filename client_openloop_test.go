package ohce_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestOpenLoop checks that a stream in an open loop sends each request at once, whatever the server
// does: the server never answers, or falls silent after a second, or the round-trip time grows.
func TestOpenLoop(t *testing.T) {
	const interval, n = 10 * time.Millisecond, 1000
	for _, tt := range []struct {
		name string
		link func(begun time.Time, d ohcetest.Datagram) []ohcetest.Arrival
	}{
		{"never answers", func(time.Time, ohcetest.Datagram) []ohcetest.Arrival { return nil }},
		{"falls silent", func(begun time.Time, d ohcetest.Datagram) []ohcetest.Arrival {
			if time.Since(begun) > time.Second {
				return nil
			}
			return []ohcetest.Arrival{{After: time.Millisecond, Datagram: d}}
		}},
		{"grows slow", func(begun time.Time, d ohcetest.Datagram) []ohcetest.Arrival {
			return []ohcetest.Arrival{{After: time.Since(begun) / 100, Datagram: d}}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var begun time.Time
			link := func(d ohcetest.Datagram) []ohcetest.Arrival { return tt.link(begun, d) }
			inMemory(t, link, func(t *testing.T, c *ohce.Client) {
				begun = time.Now()
				c.OpenLoop, c.Retry = true, ohce.RetryAfter(100*time.Millisecond)
				sent := 0
				c.Trace = &ohce.ClientTrace{AttemptSent: func(ohce.TraceAttempt) {
					if at := time.Since(begun); at != time.Duration(sent)*interval {
						t.Errorf("request %d was sent at %v", sent, at)
					}
					sent++
				}}
				requests := func(yield func([]byte) bool) {
					for i := range n {
						if !yield(fmt.Appendf(nil, "request %d", i)) {
							return
						}
						time.Sleep(interval)
					}
				}
				for _, err := range c.Stream(t.Context(), requests) {
					if err != nil {
						t.Fatal(err)
					}
				}
				if sent != n {
					t.Errorf("%d requests sent, want %d", sent, n)
				}
			})
		})
	}
}

// TestOpenLoopLimit checks that MaxInFlight limits the requests in flight of an open loop.
func TestOpenLoopLimit(t *testing.T) {
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		return []ohcetest.Arrival{{After: 50 * time.Millisecond, Datagram: d}}
	}
	inMemory(t, link, func(t *testing.T, c *ohce.Client) {
		c.OpenLoop, c.MaxInFlight = true, 10
		c.Retry = ohce.RetryAfter(time.Second)
		inFlight := 0
		c.Trace = &ohce.ClientTrace{
			AttemptSent: func(ohce.TraceAttempt) {
				if inFlight++; inFlight > 10 {
					t.Errorf("%d requests in flight", inFlight)
				}
			},
			ResponseAccepted: func(ohce.TraceAttempt, *ohce.Response) { inFlight-- },
		}
		for r, err := range c.Stream(t.Context(), numbered(200)) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
		}
	})
}
