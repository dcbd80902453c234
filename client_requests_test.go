package ohce_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestStreamWaitsForIterator checks that the iterator has returned when the loop over a stream
// ends, however it ends. The caller can then close what the iterator reads.
func TestStreamWaitsForIterator(t *testing.T) {
	for name, loop := range map[string]func(t *testing.T, c *ohce.Client, requests func(func([]byte) bool)){
		"break": func(t *testing.T, c *ohce.Client, requests func(func([]byte) bool)) {
			for range c.Stream(t.Context(), requests) {
				break
			}
		},
		"context": func(t *testing.T, c *ohce.Client, requests func(func([]byte) bool)) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for range c.Stream(ctx, requests) {
				cancel()
			}
		},
		"group": func(t *testing.T, c *ohce.Client, requests func(func([]byte) bool)) {
			g := &ohce.Group{Clients: []*ohce.Client{c}}
			for range g.Stream(t.Context(), requests) {
				break
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := ohcetest.NewServer(reverser)
			defer s.Close()
			for _, match := range []*ohce.Matcher{ohce.MatchExact(reversed), nil} {
				c := s.Client()
				c.Match = match
				closed := false // not atomic, so that the race detector finds a race
				var running atomic.Bool
				requests := func(yield func([]byte) bool) {
					running.Store(true)
					defer running.Store(false)
					for request := range numbered(1_000_000) {
						if closed {
							t.Error("a request was read from a closed input")
						}
						if !yield(request) {
							runtime.Gosched() // return late
							return
						}
					}
				}
				loop(t, c, requests)
				if running.Load() {
					t.Error("the iterator is still running")
				}
				closed = true
				c.Close()
			}
		})
	}
}

// TestStreamIteratorPanic checks that a panic in the iterator is raised in the loop over the
// stream.
func TestStreamIteratorPanic(t *testing.T) {
	s := ohcetest.NewServer(reverser)
	defer s.Close()
	for _, match := range []*ohce.Matcher{ohce.MatchExact(reversed), nil} {
		c := s.Client()
		c.Match = match
		got, answered := any(nil), 0
		func() {
			defer func() { got = recover() }()
			requests := func(yield func([]byte) bool) {
				yield([]byte("one"))
				yield([]byte("two"))
				panic("the third is missing")
			}
			for r, err := range c.Stream(t.Context(), requests) {
				if err == nil && r.Err == nil {
					answered++
				}
			}
		}()
		if got != "the third is missing" {
			t.Errorf("recovered %v after %d results, want the iterator's panic", got, answered)
		}
		if st := c.Stats(); st.Exchanges != st.Answered+st.Down+st.Failed {
			t.Errorf("stats %+v, want all exchanges ended", st)
		}
		c.Close()
	}
}

// TestStreamIteratorGoexit checks that runtime.Goexit in the iterator, as t.FailNow calls it, ends
// the goroutine of the loop.
func TestStreamIteratorGoexit(t *testing.T) {
	s := ohcetest.NewServer(reverser)
	defer s.Close()
	c := s.Client()
	defer c.Close()
	ended := make(chan struct{})
	go func() { // ends with the iterator; the test waits for it
		defer close(ended)
		for range c.Stream(context.Background(), func(func([]byte) bool) { runtime.Goexit() }) {
		}
		t.Error("the code after the loop was reached")
	}()
	<-ended
}

// TestStreamContinuesAfterDialError checks that a failed dial fails its own request and no other.
func TestStreamContinuesAfterDialError(t *testing.T) {
	s := ohcetest.NewServer(reverser)
	defer s.Close()
	c := s.Client()
	defer c.Close()
	errDial := errors.New("dial failed")
	var dials atomic.Int64
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if dials.Add(1) == 3 {
			return nil, errDial
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	failed, answered := 0, 0
	for r, err := range c.Stream(t.Context(), numbered(50)) {
		switch {
		case err != nil:
			t.Fatal(err)
		case errors.Is(r.Err, errDial):
			failed++
		case r.Err != nil:
			t.Errorf("result %d: %v", r.Index, r.Err)
		default:
			answered++
		}
	}
	if failed != 1 || answered != 49 {
		t.Errorf("%d failed and %d answered, want 1 and 49", failed, answered)
	}
}

// TestEmptyResponseIsNotNil checks that the Data of an empty response is not nil.
func TestEmptyResponseIsNotNil(t *testing.T) {
	s := ohcetest.NewServer(reverser)
	defer s.Close()
	for _, match := range []*ohce.Matcher{ohce.MatchExact(reversed), ohce.MatchBytes(0, 0), nil} {
		c := s.Client()
		c.Match = match
		resp, err := c.Exchange(t.Context(), nil)
		if err != nil || resp.Data == nil || len(resp.Data) != 0 {
			t.Errorf("%v, %v, want an empty response that is not nil", resp, err)
		}
		for r, err := range c.Stream(t.Context(), slices.Values([][]byte{nil})) {
			if err != nil || r.Err != nil || r.Response.Data == nil || r.Request == nil {
				t.Errorf("%+v, %v, want an empty response that is not nil", r, err)
			}
		}
		c.Close()
	}
}

// TestStreamSharedSocketDialError checks that a failed dial of the shared socket fails only the
// requests that wait for it.
func TestStreamSharedSocketDialError(t *testing.T) {
	inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
		dial, dials, failed := c.Dial, 0, 0
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if dials++; dials == 1 {
				return nil, errors.New("temporary failure in name resolution")
			}
			return dial(ctx, network, address)
		}
		for r, err := range c.Stream(t.Context(), numbered(10_000)) {
			if err != nil {
				t.Fatal(err)
			}
			if r.Err != nil {
				failed++
			}
		}
		if failed == 0 || failed > 64 {
			t.Errorf("%d requests failed with one dial, want 1 to 64, the initial window", failed)
		}
	})
}

// TestStreamIteratorPanicAfterBreak checks that a panic in the iterator after the loop has ended is
// raised in the caller, as it is without a stream.
func TestStreamIteratorPanicAfterBreak(t *testing.T) {
	inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
		defer func() {
			if got := recover(); got != "cleanup failed" {
				t.Errorf("recovered %v, want the iterator's panic", got)
			}
		}()
		for range c.Stream(t.Context(), func(yield func([]byte) bool) {
			defer func() { panic("cleanup failed") }()
			for yield([]byte("abc")) {
			}
		}) {
			break
		}
	})
}

// TestStreamRequestLargerThanMaxBytes checks that a stream accepts a request larger than MaxBytes
// if it holds no other.
func TestStreamRequestLargerThanMaxBytes(t *testing.T) {
	inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
		c.MaxBytes = 1
		g := &ohce.Group{Clients: []*ohce.Client{c}}
		requests := slices.Values([][]byte{make([]byte, 200_000), []byte("short")})
		for name, results := range map[string]iter.Seq2[ohce.Result, error]{
			"client": c.Stream(t.Context(), requests), "group": g.Stream(t.Context(), requests),
		} {
			n := 0
			for r, err := range results {
				if n++; err != nil || errors.Is(r.Err, ohce.ErrTooLarge) != (r.Index == 0) {
					t.Errorf("%s: %v, %v", name, r.Err, err)
				}
			}
			if n != 2 {
				t.Errorf("%s: %d results, want 2", name, n)
			}
		}
	})
}
