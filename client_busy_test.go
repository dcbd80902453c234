package ohce_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestStreamSlowConsumer checks that a loop that takes 5 ms for each result causes no
// retransmissions and no wrong round-trip times.
func TestStreamSlowConsumer(t *testing.T) {
	for name, match := range map[string]*ohce.Matcher{
		"shared socket": ohce.MatchExact(reversed), "a socket each": nil,
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
				c.Match = match
				const n = 500
				for r, err := range c.Stream(t.Context(), numbered(n)) {
					if err != nil || r.Err != nil {
						t.Fatal(err, r.Err)
					}
					if r.Response.RTT != 2*time.Millisecond || r.Response.Attempts != 1 {
						t.Fatalf("result %d: round trip %v, %d attempts, want 2ms and 1", r.Index,
							r.Response.RTT, r.Response.Attempts)
					}
					time.Sleep(5 * time.Millisecond) // in synctest time
				}
				if st := checkExchanges(t, c, n); st.Attempts != n {
					t.Errorf("stats %+v, want %d attempts", st, n)
				}
			})
		})
	}
}

// TestStreamSlowConsumerOnRealSockets checks the same with a loop that uses the CPU.
func TestStreamSlowConsumerOnRealSockets(t *testing.T) {
	s := ohcetest.NewServer(reverser)
	defer s.Close()
	c := s.Client()
	c.Match = ohce.MatchExact(reversed)
	defer c.Close()
	const n = 100
	for r, err := range c.Stream(t.Context(), numbered(n)) {
		if err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
		if r.Response.RTT < 0 || r.Response.Elapsed < r.Response.RTT {
			t.Errorf("result %d: round trip %v, elapsed %v", r.Index, r.Response.RTT, r.Response.Elapsed)
		}
		for begun := time.Now(); time.Since(begun) < 5*time.Millisecond; { // compute
		}
	}
	if st := checkExchanges(t, c, n); st.Attempts != n {
		t.Errorf("%d attempts, want %d", st.Attempts, n)
	}
}

// TestStreamCatchesUp checks that a stream whose loop was busy when an attempt expired takes a
// response that its reader passes on a moment later, before it retransmits the request.
func TestStreamCatchesUp(t *testing.T) {
	const wait = 100 * time.Millisecond
	slow := func(d ohcetest.Datagram) []ohcetest.Arrival {
		switch {
		case d.From != linkedServer:
			return after(0)(d)
		case isAnswer(d.Data, 0):
			return after(wait / 2)(d)
		default: // as if the reader had not been scheduled in time
			return after(wait + 500*time.Microsecond)(d)
		}
	}
	for name, match := range map[string]*ohce.Matcher{
		"shared socket": ohce.MatchExact(reversed), "a socket each": nil,
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, slow, func(t *testing.T, c *ohce.Client) {
				c.Match, c.Retry = match, ohce.RetryAfter(wait, wait)
				for r, err := range c.Stream(t.Context(), numbered(2)) {
					if err != nil || r.Err != nil || r.Response.Attempts != 1 {
						t.Errorf("%+v, %v, want a response to the first attempt", r, err)
					}
					time.Sleep(wait / 2) // of the bubble's clock
				}
			})
		})
	}
}

// TestStreamDeadlineDespiteUnexpectedDatagrams checks that a stream ends at its deadline while
// unexpected datagrams arrive.
func TestStreamDeadlineDespiteUnexpectedDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		var unexpected []ohcetest.Step
		for i := range 5000 {
			unexpected = append(unexpected, func(p *ohcetest.Peer, request ohcetest.Datagram) {
				time.AfterFunc(time.Duration(i)*time.Millisecond, func() {
					ohcetest.Forge([]byte("unexpected"))(p, request)
				})
			})
		}
		first := ohcetest.Then(append(unexpected, ohcetest.Answer())...)
		script := append([]ohcetest.Step{first}, slices.Repeat([]ohcetest.Step{ohcetest.Lose()}, 999)...)
		n.NewPeer(peerAddr, reversed, script...)
		c := &ohce.Client{Addr: peerAddr, Dial: n.Dial, Match: ohce.MatchExact(reversed), Linger: -1}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		var last error
		for r, err := range c.Stream(ctx, numbered(100)) {
			last = err
			if err == nil && r.Err == nil {
				time.Sleep(300 * time.Millisecond) // so that attempts have expired
			}
		}
		if took := time.Since(begun); !errors.Is(last, context.DeadlineExceeded) || took != time.Second {
			t.Errorf("the stream ended after %v with %v, want context.DeadlineExceeded after 1s", took, last)
		}
		time.Sleep(10 * time.Second) // until all have been sent
	})
}

// TestStreamMaxBytes checks that MaxBytes limits the responses that a stream holds while the first
// request is unanswered.
func TestStreamMaxBytes(t *testing.T) {
	for _, maxBytes := range []int{100_000, 1_000_000} {
		inMemory(t, func(d ohcetest.Datagram) []ohcetest.Arrival {
			if len(d.Data) > 0 && d.Data[0] == '0' {
				return nil
			}
			return after(time.Millisecond)(d)
		}, func(t *testing.T, c *ohce.Client) {
			c.MaxBytes, c.Retry = maxBytes, ohce.RetryAfter(20*time.Second)
			const size = 1200
			var taken atomic.Int64
			takenAtEnd := 0
			requests := func(yield func([]byte) bool) {
				for i := range 100_000 {
					request := make([]byte, size)
					copy(request, fmt.Sprint(i, " "))
					taken.Add(1)
					if !yield(request) {
						return
					}
				}
			}
			for r, err := range c.Stream(t.Context(), requests) {
				if err != nil {
					t.Fatal(err)
				}
				if r.Index == 0 {
					takenAtEnd = int(taken.Load())
					break
				}
			}
			const prefetched = 2 + 1<<16/size
			if limit := maxBytes/(2*size) + prefetched; takenAtEnd > limit || takenAtEnd < limit/2 {
				t.Errorf("%d requests were taken with MaxBytes %d, want about %d", takenAtEnd, maxBytes, limit)
			}
		})
	}
}
