package ohce_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestTraceRequest checks that each event of an exchange has its request, and that an event after
// the exchange does not.
func TestTraceRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		n.NewPeer(peerAddr, upper, ohcetest.Lose(), ohcetest.Double())
		var mu sync.Mutex
		var events []string
		add := func(a ohce.TraceAttempt, what string) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, fmt.Sprintf("%s %q", what, a.Request))
		}
		c := &ohce.Client{Addr: peerAddr, Dial: n.Dial, Trace: &ohce.ClientTrace{
			AttemptSent:      func(a ohce.TraceAttempt) { add(a, "sent") },
			AttemptTimedOut:  func(a ohce.TraceAttempt) { add(a, "timed out") },
			ResponseAccepted: func(a ohce.TraceAttempt, _ *ohce.Response) { add(a, "accepted") },
			DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, _ []byte) {
				add(a, why.String())
			},
		}}
		defer c.Close()
		if _, err := c.Exchange(t.Context(), []byte("one")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // in synctest time
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := []string{`sent "one"`, `timed out "one"`, `sent "one"`, `accepted "one"`, `duplicate ""`}
		if !slices.Equal(events, want) {
			t.Errorf("the events are %q, want %q", events, want)
		}
	})
}

// TestTraceStreamRequests checks that the events of a stream have their requests, in order.
func TestTraceStreamRequests(t *testing.T) {
	s := ohcetest.NewServer(nil)
	defer s.Close()
	c := s.Client()
	c.Match = ohce.MatchExact(func(dst, request []byte) []byte { return append(dst, request...) })
	var events []string
	c.Trace = &ohce.ClientTrace{
		AttemptSent: func(a ohce.TraceAttempt) { events = append(events, "sent "+string(a.Request)) },
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			events = append(events, fmt.Sprintf("%s for %s", r.Data, a.Request))
		},
	}
	defer c.Close()
	for _, err := range outcomes(c.Stream(t.Context(), slices.Values([][]byte{[]byte("one"), []byte("three")}))) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"sent one", "sent three", "one for one", "three for three"} {
		if !slices.Contains(events, want) {
			t.Errorf("the events are %q, want %q among them", events, want)
		}
	}
	// Requests are sent in the order of their lengths, to form segments, but reported in their own
	// order.
	if slices.Index(events, "sent one") > slices.Index(events, "sent three") {
		t.Errorf("the events are %q, want AttemptSent in the order of the requests", events)
	}
}

// TestTraceStreamNumbers checks that the exchanges of a stream without Match are numbered in the
// order of the requests.
func TestTraceStreamNumbers(t *testing.T) {
	s := ohcetest.NewServer(nil)
	defer s.Close()
	c := s.Client()
	var mu sync.Mutex
	numbers := make(map[string]uint64)
	c.Trace = &ohce.ClientTrace{AttemptSent: func(a ohce.TraceAttempt) {
		mu.Lock()
		defer mu.Unlock()
		numbers[string(a.Request)] = a.Exchange
	}}
	defer c.Close()
	var requests [][]byte
	for i := range 50 {
		requests = append(requests, fmt.Append(nil, i+1))
	}
	for _, err := range outcomes(c.Stream(t.Context(), slices.Values(requests))) {
		if err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for i, r := range requests {
		if n := numbers[string(r)]; n != uint64(i+1) {
			t.Errorf("request %s is exchange %d, want the same number", r, n)
		}
	}
}

// TestTraceUnexpectedDatagrams checks that an unexpected datagram is attributed to a request only
// if that is the only one in flight on the socket.
func TestTraceUnexpectedDatagrams(t *testing.T) {
	for _, tt := range []struct {
		name     string
		requests int
		steps    []ohcetest.Step // for the first request
		want     uint64          // the exchange
	}{
		{"one in flight", 1, []ohcetest.Step{ohcetest.Forge([]byte("x")), ohcetest.Answer()}, 1},
		{"two in flight", 2, []ohcetest.Step{ohcetest.Forge([]byte("x")), ohcetest.Answer()}, 0},
		{"none in flight", 1, []ohcetest.Step{ohcetest.Answer(), ohcetest.Forge([]byte("x"))}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &ohcetest.Network{}
				n.NewPeer(peerAddr, upper, ohcetest.Then(tt.steps...), ohcetest.Delay(time.Millisecond))
				var got []ohce.TraceAttempt
				c := &ohce.Client{
					Addr: peerAddr, Dial: n.Dial, Match: ohce.MatchExact(upper),
					Trace: &ohce.ClientTrace{
						DatagramIgnored: func(a ohce.TraceAttempt, _ ohce.IgnoreReason, _ []byte) {
							got = append(got, a)
						},
					},
				}
				defer c.Close()
				requests := func(yield func([]byte) bool) {
					for i := range tt.requests {
						if !yield(fmt.Append(nil, "r", i)) {
							return
						}
					}
					time.Sleep(time.Second) // in synctest time, while the stream stays open
				}
				for _, err := range outcomes(c.Stream(t.Context(), requests)) {
					if err != nil {
						t.Fatal(err)
					}
				}
				if len(got) != 1 || got[0].Exchange != tt.want || got[0].Remote.String() != peerAddr {
					t.Errorf("ignored %+v, want one datagram of exchange %d", got, tt.want)
				}
			})
		})
	}
}

// TestTraceChangedAfterExchange checks that the late reader does not read the client's fields,
// which the caller may change after the exchange. The race detector reports such a read.
func TestTraceChangedAfterExchange(t *testing.T) {
	script := steps(ohcetest.Double())
	onNetwork(t, script, func(t *testing.T, c *ohce.Client, _ *ohcetest.Peer, _ *traceLog) {
		if _, err := c.Exchange(t.Context(), []byte("abc")); err != nil {
			t.Fatal(err)
		}
		c.Trace = nil
		synctest.Wait()
	})
}
