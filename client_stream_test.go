package ohce_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/ohcetest"
)

// reversed appends the bytes of src in reverse order, so that a response identifies its request.
func reversed(dst, src []byte) []byte {
	at := len(dst)
	dst = append(dst, src...)
	slices.Reverse(dst[at:])
	return dst
}

var reverser = ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
	w.Write(reversed(nil, r.Data))
})

// numbered yields n different requests.
func numbered(n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		var buf []byte // reused, because a stream copies
		for i := range n {
			buf = fmt.Appendf(buf[:0], "request %d", i)
			if !yield(buf) {
				return
			}
		}
	}
}

// isAnswer reports whether data is the response to request i of numbered.
func isAnswer(data []byte, i int) bool {
	return bytes.Equal(data, reversed(nil, fmt.Appendf(nil, "request %d", i)))
}

// outcomes yields the response or the error of each result of a stream, and then the error that
// ended the stream, if any.
func outcomes(results iter.Seq2[ohce.Result, error]) iter.Seq2[*ohce.Response, error] {
	return func(yield func(*ohce.Response, error) bool) {
		for r, err := range results {
			if !yield(r.Response, cmp.Or(err, r.Err)) {
				return
			}
		}
	}
}

// runStream sends n requests as a stream and returns how many were answered. It fails the test if
// any other ended with an error that is not ErrServerDown.
func runStream(t *testing.T, c *ohce.Client, n int) (answered int) {
	t.Helper()
	i := 0
	for resp, err := range outcomes(c.Stream(context.Background(), numbered(n))) {
		switch {
		case err == nil && isAnswer(resp.Data, i):
			answered++
		case err == nil:
			t.Fatalf("answer %d is %q", i, resp.Data)
		case !errors.Is(err, ohce.ErrServerDown):
			t.Fatalf("answer %d: %v", i, err)
		}
		i++
	}
	if i != n {
		t.Fatalf("%d outcomes of %d requests", i, n)
	}
	return answered
}

// checkExchanges checks that all exchanges have ended and that the given number was answered. It
// returns the counters.
func checkExchanges(t *testing.T, c *ohce.Client, answered int) ohce.ClientStats {
	t.Helper()
	st := c.Stats()
	if st.Exchanges != st.Answered+st.Down+st.Failed || st.Answered != uint64(answered) {
		t.Errorf("stats %+v, want all ended and %d answered", st, answered)
	}
	return st
}

// inMemory runs f with a client of a reversing server on an in-memory network.
func inMemory(t *testing.T, link func(ohcetest.Datagram) []ohcetest.Arrival,
	f func(t *testing.T, c *ohce.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &ohcetest.Network{Link: link}
		pc, err := n.ListenPacket("192.0.2.2:3000")
		if err != nil {
			t.Fatal(err)
		}
		serve(t, &ohce.Server{Handler: reverser}, pc)
		c := &ohce.Client{Addr: "192.0.2.2:3000", Dial: n.Dial, Match: ohce.MatchExact(reversed)}
		defer c.Close()
		f(t, c)
	})
}

// after returns a network that delays each datagram.
func after(delay time.Duration) func(ohcetest.Datagram) []ohcetest.Arrival {
	return func(d ohcetest.Datagram) []ohcetest.Arrival { return []ohcetest.Arrival{{After: delay, Datagram: d}} }
}

func TestStreamOnLossyNetwork(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	bad := func(d ohcetest.Datagram) (all []ohcetest.Arrival) {
		for copies := 1 + random.IntN(10)/9; copies > 0; copies-- { // duplicate one in ten
			if random.IntN(10) == 0 { // lose one copy in ten
				continue
			}
			after := time.Duration(random.Int64N(int64(20 * time.Millisecond))) // reorder
			if random.IntN(100) == 0 && len(d.Data) > 0 {                       // corrupt one in a hundred
				d.Data = bytes.Clone(d.Data)
				d.Data[random.IntN(len(d.Data))] ^= 0x10
			}
			all = append(all, ohcetest.Arrival{After: after, Datagram: d})
		}
		return all
	}
	inMemory(t, bad, func(t *testing.T, c *ohce.Client) {
		const n = 4_000
		answered := runStream(t, c, n)
		// A fifth of the attempts fails, so five fail in a row once in 3,000 requests.
		if answered < n-15 {
			t.Errorf("%d of %d answered", answered, n)
		}
		st := checkExchanges(t, c, answered)
		if st.Duplicate == 0 || st.Unexpected == 0 {
			t.Errorf("stats %+v, want duplicate and unexpected datagrams", st)
		}
	})
}

// TestStreamSendsOnce checks that a stream retransmits nothing if nothing is lost and the round
// trip is shorter than the first wait, even if the caller is slow.
func TestStreamSendsOnce(t *testing.T) {
	for _, slow := range []time.Duration{0, time.Second} {
		inMemory(t, after(45*time.Millisecond), func(t *testing.T, c *ohce.Client) {
			const n = 2000
			i := 0
			for resp, err := range outcomes(c.Stream(t.Context(), numbered(n))) {
				if err != nil || !isAnswer(resp.Data, i) || resp.Attempts != 1 {
					t.Fatalf("answer %d: %+v, %v", i, resp, err)
				}
				if resp.RTT != 90*time.Millisecond && slow == 0 {
					t.Fatalf("round trip of answer %d is %v, want 90ms", i, resp.RTT)
				}
				if i++; i%500 == 0 {
					time.Sleep(slow)
				}
			}
			if st := checkExchanges(t, c, n); st.Attempts != n {
				t.Errorf("stats %+v, want %d attempts", st, n)
			}
		})
	}
}

// TestStreamFillsWindow checks that a stream sends 10,000 requests over a round trip of 90 ms in 2
// s. One at a time they take 15 minutes.
func TestStreamFillsWindow(t *testing.T) {
	inMemory(t, after(45*time.Millisecond), func(t *testing.T, c *ohce.Client) {
		begun := time.Now()
		runStream(t, c, 10_000)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("took %v, want at most 2s", took)
		}
	})
}

func TestStreamEqualRequests(t *testing.T) {
	lossy := rand.New(rand.NewPCG(2, 2))
	link := func(d ohcetest.Datagram) []ohcetest.Arrival {
		if lossy.IntN(20) == 0 {
			return nil
		}
		return after(time.Millisecond)(d)
	}
	inMemory(t, link, func(t *testing.T, c *ohce.Client) {
		const n = 3000
		same := func(yield func([]byte) bool) {
			for range n {
				if !yield([]byte("same")) {
					return
				}
			}
		}
		answered := 0
		for resp, err := range outcomes(c.Stream(t.Context(), same)) {
			if err != nil || string(resp.Data) != "emas" {
				t.Fatalf("%v, %v", resp, err)
			}
			answered++
		}
		checkExchanges(t, c, answered)
		if answered != n {
			t.Errorf("%d answered, want %d", answered, n)
		}
	})
}

func TestStreamPortUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &ohcetest.Network{}
		c := &ohce.Client{Addr: "192.0.2.2:3000", Dial: n.Dial, Match: ohce.MatchExact(reversed)}
		defer c.Close()
		begun := time.Now()
		if answered := runStream(t, c, 50); answered != 0 {
			t.Errorf("%d answered, want 0", answered)
		}
		if took := time.Since(begun); took != 1500*time.Millisecond {
			t.Errorf("took %v, want the schedule's 1.5s", took)
		}
		if st := checkExchanges(t, c, 0); st.Down != 50 || st.PortUnreachable == 0 {
			t.Errorf("stats %+v, want 50 down and the port unreachable", st)
		}

		c.FailFast = true
		begun = time.Now()
		for _, err := range outcomes(c.Stream(t.Context(), numbered(50))) {
			var op *ohce.OpError
			if !errors.Is(err, ohce.ErrPortUnreachable) || !errors.As(err, &op) || op.Attempts == 0 {
				t.Fatalf("%v, want ErrPortUnreachable", err)
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("FailFast took %v, want 0s", took)
		}
		checkExchanges(t, c, 0)
	})
}

// TestStreamEnds checks that a stream ends when the caller leaves the loop and when its context is
// done, even while the iterator blocks.
func TestStreamEnds(t *testing.T) {
	inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
		for _, match := range []*ohce.Matcher{ohce.MatchExact(reversed), nil} {
			c.Match = match
			got := 0
			for range outcomes(c.Stream(t.Context(), numbered(1_000_000))) {
				if got++; got == 100 {
					break
				}
			}
			synctest.Wait()
			st := c.Stats()
			if st.Exchanges != st.Answered+st.Down+st.Failed {
				t.Errorf("stats %+v, want all ended", st)
			}

			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			endless := func(yield func([]byte) bool) {
				yield([]byte("one"))
				<-ctx.Done()
			}
			got = 0
			var last error
			for resp, err := range outcomes(c.Stream(ctx, endless)) {
				if got++; got == 1 && (err != nil || string(resp.Data) != "eno") {
					t.Errorf("%v, %v, want the first answer", resp, err)
				}
				last = err
			}
			if got != 2 || !errors.Is(last, context.DeadlineExceeded) {
				t.Errorf("%d outcomes, the last is %v, want 2 and the deadline", got, last)
			}
			cancel()
			synctest.Wait()

			for resp, err := range outcomes(c.Stream(ctx, numbered(3))) {
				if resp != nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
					t.Errorf("%v, %v, want the error of the context, which is done", resp, err)
				}
			}
		}
	})
}

func TestStreamRequestTooLarge(t *testing.T) {
	for _, match := range []*ohce.Matcher{ohce.MatchExact(reversed), nil} {
		s := ohcetest.NewServer(reverser)
		c := &ohce.Client{Addr: s.Addr, Match: match}
		sizes := []int{3, 65_507, 65_508, 0, 70_000, 4}
		requests := func(yield func([]byte) bool) {
			for _, n := range sizes {
				if !yield(make([]byte, n)) {
					return
				}
			}
		}
		i := 0
		for resp, err := range outcomes(c.Stream(t.Context(), requests)) {
			switch {
			case sizes[i] > 65_507:
				if !errors.Is(err, ohce.ErrTooLarge) {
					t.Errorf("%d bytes: %v, want ErrTooLarge", sizes[i], err)
				}
			case err != nil || len(resp.Data) != sizes[i]:
				t.Errorf("%d bytes: %v, %v", sizes[i], resp, err)
			}
			i++
		}
		if i != len(sizes) {
			t.Errorf("%d outcomes, want %d", i, len(sizes))
		}
		checkExchanges(t, c, 4)
		c.Close()
		s.Close()
	}
}

// TestStreamInvalidField checks that an invalid field ends the stream before anything is sent.
func TestStreamInvalidField(t *testing.T) {
	for _, c := range []*ohce.Client{
		{BufferSize: -1}, {MaxInFlight: -1}, {MaxSockets: -1}, {MaxBytes: -1},
		{Match: &ohce.Matcher{}},
	} {
		n := 0
		for r, err := range c.Stream(t.Context(), numbered(10)) {
			n++
			if r.Response != nil || r.Err != nil || err == nil {
				t.Errorf("%+v: %+v, %v, want an error that ends the stream", c, r, err)
			}
		}
		if n != 1 {
			t.Errorf("%d results, want 1", n)
		}
	}
}

// TestStreamDialError checks that an address that no socket can connect to fails each request but
// not the stream.
func TestStreamDialError(t *testing.T) {
	for _, addr := range []string{"nosuch.invalid:3000", "127.0.0.1"} {
		for _, match := range []*ohce.Matcher{ohce.MatchExact(reversed), nil} {
			c := &ohce.Client{Addr: addr, Match: match}
			n := 0
			for r, err := range c.Stream(t.Context(), numbered(20)) {
				var op *ohce.OpError
				if err != nil || !errors.As(r.Err, &op) || op.Op != "dial" || r.Index != n {
					t.Errorf("%s: %+v, %v, want result %d with a dial error", addr, r, err, n)
				}
				n++
			}
			if st := checkExchanges(t, c, 0); n != 20 || st.Failed != 20 {
				t.Errorf("%s: %d results, stats %+v, want 20 failed", addr, n, st)
			}
		}
	}
}

// TestStreamOnRealSockets streams requests of different lengths, and of equal length, which are
// sent as segments.
func TestStreamOnRealSockets(t *testing.T) {
	n := testsize.Pick(20_000, 5000)
	s := ohcetest.NewServer(reverser)
	defer s.Close()
	lengths := rand.New(rand.NewPCG(3, 3))
	for name, length := range map[string]func() int{
		"one length": func() int { return 40 },
		"all":        func() int { return lengths.IntN(1400) },
	} {
		t.Run(name, func(t *testing.T) {
			c := &ohce.Client{Addr: s.Addr, Match: ohce.MatchExact(reversed)}
			defer c.Close()
			var sent [][]byte
			requests := func(yield func([]byte) bool) {
				for range n {
					r := make([]byte, length())
					for i := range r {
						r[i] = byte('a' + lengths.IntN(26))
					}
					sent = append(sent, r)
					if !yield(r) {
						return
					}
				}
			}
			var got [][]byte
			for resp, err := range outcomes(c.Stream(t.Context(), requests)) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, resp.Data)
			}
			if len(got) != n {
				t.Fatalf("%d answers, want %d", len(got), n)
			}
			for i := range got {
				if !bytes.Equal(got[i], reversed(nil, sent[i])) {
					t.Fatalf("answer %d is %q, want %q reversed", i, got[i], sent[i])
				}
			}
			st := checkExchanges(t, c, n)
			t.Logf("%d attempts for %d answers", st.Attempts, n)
		})
	}
}

// TestStreamEndsItsExchanges checks that all exchanges of a stream have ended when the stream ends.
func TestStreamEndsItsExchanges(t *testing.T) {
	for _, expect := range []bool{true, false} {
		inMemory(t, func(ohcetest.Datagram) []ohcetest.Arrival { return nil }, func(t *testing.T, c *ohce.Client) {
			if !expect {
				c.Match = nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
			defer cancel()
			for _, err := range outcomes(c.Stream(ctx, numbered(100))) {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
			}
			if s := c.Stats(); s.Exchanges == 0 || s.Exchanges != s.Failed {
				t.Errorf("stats %+v, want all exchanges ended", s)
			}
		})
	}
}
