package ohce_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/loopback"
	"github.com/ohce/ohce/ohcetest"
)

const peerAddr = "10.0.0.1:3000"

// upper is the transform of the test peers. It makes each response differ from its request.
func upper(dst, request []byte) []byte {
	return append(dst, strings.ToUpper(string(request))...)
}

// A traceLog records the events of a trace, one line for each, with the elapsed time in
// milliseconds.
type traceLog struct {
	mu    sync.Mutex
	lines []string
}

func (j *traceLog) add(a ohce.TraceAttempt, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf("%d %d/%d ", a.Elapsed.Milliseconds(), a.Attempt, a.Attempts)+
		fmt.Sprintf(format, args...))
}

func (j *traceLog) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

func (j *traceLog) trace() *ohce.ClientTrace {
	return &ohce.ClientTrace{
		AttemptSent:     func(a ohce.TraceAttempt) { j.add(a, "sent, waits %v", a.Wait) },
		AttemptTimedOut: func(a ohce.TraceAttempt) { j.add(a, "timed out") },
		PortUnreachable: func(a ohce.TraceAttempt) { j.add(a, "unreachable") },
		ResponseAccepted: func(a ohce.TraceAttempt, r *ohce.Response) {
			j.add(a, "accepted %s", r.Data)
		},
		DatagramIgnored: func(a ohce.TraceAttempt, why ohce.IgnoreReason, data []byte) {
			j.add(a, "%v %s", why, data)
		},
	}
}

func checkTrace(t *testing.T, j *traceLog, want string) {
	t.Helper()
	if got := j.String(); got != strings.TrimSpace(want) {
		t.Errorf("the trace is\n%s\nwant\n%s", got, strings.TrimSpace(want))
	}
}

// onNetwork runs f in a synctest bubble with a client of a peer that follows script.
func onNetwork(t *testing.T, script []ohcetest.Step,
	f func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog)) {
	synctest.Test(t, func(t *testing.T) {
		n, j := new(ohcetest.Network), new(traceLog)
		p := n.NewPeer(peerAddr, upper, script...)
		c := &ohce.Client{Addr: peerAddr, Dial: n.Dial, Trace: j.trace()}
		defer c.Close()
		f(t, c, p, j)
	})
}

func steps(s ...ohcetest.Step) []ohcetest.Step { return s }

func TestLinearRetryExhausted(t *testing.T) {
	l := ohcetest.Lose()
	onNetwork(t, steps(l, l, l, l, l, l), func(t *testing.T, c *ohce.Client, p *ohcetest.Peer,
		j *traceLog) {
		start := time.Now()
		_, err := c.Exchange(t.Context(), []byte("hello"))
		if !errors.Is(err, ohce.ErrServerDown) || time.Since(start) != 1500*time.Millisecond {
			t.Errorf("%v after %v, want ErrServerDown after 1.5s", err, time.Since(start))
		}
		if errors.Is(err, ohce.ErrPortUnreachable) {
			t.Errorf("%v is ErrPortUnreachable, want ErrServerDown alone", err)
		}
		var op *ohce.OpError
		if !errors.As(err, &op) || op.Attempts != 5 || op.Elapsed != 1500*time.Millisecond ||
			op.Addr != peerAddr || !op.Timeout() {
			t.Errorf("%+v, want 5 attempts in 1.5s at %s and Timeout", op, peerAddr)
		}
		if got := len(p.Requests()); got != 5 {
			t.Errorf("%d requests, want 5", got)
		}
		checkTrace(t, j, `
0 1/5 sent, waits 100ms
100 1/5 timed out
100 2/5 sent, waits 200ms
300 2/5 timed out
300 3/5 sent, waits 300ms
600 3/5 timed out
600 4/5 sent, waits 400ms
1000 4/5 timed out
1000 5/5 sent, waits 500ms
1500 5/5 timed out`)
		if st := c.Stats(); st.Exchanges != 1 || st.Down != 1 || st.Attempts != 5 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestResponseToRetransmission(t *testing.T) {
	onNetwork(t, steps(ohcetest.Lose(), ohcetest.Delay(20*time.Millisecond)),
		func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
			r, err := c.Exchange(t.Context(), []byte("hello"))
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Data) != "HELLO" || r.Attempts != 2 || r.RTT != 20*time.Millisecond ||
				r.Elapsed != 120*time.Millisecond || r.RemoteAddr.String() != peerAddr ||
				r.LocalAddr.Port() == 0 {
				t.Errorf("%+v, want HELLO at the second attempt, 20ms after it", r)
			}
		})
}

func TestRetrySchedules(t *testing.T) {
	tests := []struct {
		name     string
		retry    ohce.Retry
		attempts int
		budget   time.Duration
		text     string
	}{
		{"zero", ohce.Retry{}, 5, 1500 * time.Millisecond, "100ms,200ms,300ms,400ms,500ms"},
		{"linear", ohce.LinearRetry(), 5, 1500 * time.Millisecond, "100ms,200ms,300ms,400ms,500ms"},
		{"none", ohce.RetryAfter(), 5, 1500 * time.Millisecond, "100ms,200ms,300ms,400ms,500ms"},
		{"one", ohce.RetryAfter(3 * time.Second), 1, 3 * time.Second, "3s"},
		{"falling", ohce.RetryAfter(2*time.Second, time.Millisecond), 2, 2001 * time.Millisecond,
			"2s,1ms"},
		{"negative", ohce.RetryAfter(-time.Second, 0, time.Second), 3, time.Second, "-1s,0s,1s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if a, b, s := tt.retry.Attempts(), tt.retry.Budget(), tt.retry.String(); a != tt.attempts ||
				b != tt.budget || s != tt.text {
				t.Errorf("%d attempts in %v, %q; want %d in %v, %q", a, b, s, tt.attempts, tt.budget,
					tt.text)
			}
			if tt.retry.Wait(0) != 0 || tt.retry.Wait(tt.attempts+1) != 0 {
				t.Error("Wait is not 0 for an attempt outside of the schedule")
			}
			lose := make([]ohcetest.Step, 10)
			for i := range lose {
				lose[i] = ohcetest.Lose()
			}
			onNetwork(t, lose, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, _ *traceLog) {
				c.Retry = tt.retry
				start := time.Now()
				_, err := c.Exchange(t.Context(), nil)
				if d := time.Since(start); !errors.Is(err, ohce.ErrServerDown) || d != tt.budget ||
					len(p.Requests()) != tt.attempts {
					t.Errorf("%v after %v and %d requests, want ErrServerDown after %v and %d", err, d,
						len(p.Requests()), tt.budget, tt.attempts)
				}
			})
		})
	}
}

func TestMatchExactIgnoresOtherDatagrams(t *testing.T) {
	script := steps(ohcetest.Then(ohcetest.Forge([]byte("not it")), ohcetest.Forge(nil),
		ohcetest.Delay(10*time.Millisecond)))
	onNetwork(t, script, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
		c.Match = ohce.MatchExact(upper)
		r, err := c.Exchange(t.Context(), []byte("hello"))
		if err != nil || string(r.Data) != "HELLO" || r.Attempts != 1 {
			t.Fatalf("%+v, %v; want HELLO at the first attempt", r, err)
		}
		checkTrace(t, j, `
0 1/5 sent, waits 100ms
0 1/5 unexpected not it
0 1/5 unexpected 
10 1/5 accepted HELLO`)
		if st := c.Stats(); st.Unexpected != 2 || st.Answered != 1 {
			t.Errorf("stats %+v, want 2 unexpected", st)
		}
	})
}

func TestDatagramsFromOtherAddresses(t *testing.T) {
	script := steps(ohcetest.Then(ohcetest.ForgeFrom("10.6.6.6:3000", []byte("FORGED")),
		ohcetest.Answer()))
	onNetwork(t, script, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
		r, err := c.Exchange(t.Context(), []byte("hello"))
		if err != nil || string(r.Data) != "HELLO" {
			t.Fatalf("%+v, %v; want HELLO", r, err)
		}
	})
}

func TestOversizeResponses(t *testing.T) {
	onNetwork(t, nil, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
		c.BufferSize, c.Retry = 5, ohce.RetryAfter(time.Second)
		if r, err := c.Exchange(t.Context(), []byte("12345")); err != nil {
			t.Errorf("5 bytes of 5: %v, %v", r, err)
		}
		_, err := c.Exchange(t.Context(), []byte("123456"))
		if st := c.Stats(); !errors.Is(err, ohce.ErrServerDown) || st.Oversize != 1 {
			t.Errorf("6 bytes of 5: %v, %+v; want ErrServerDown and 1 oversize", err, st)
		}
	})
}

func TestLateAndDuplicateResponses(t *testing.T) {
	script := steps(ohcetest.Delay(150*time.Millisecond), ohcetest.Delay(160*time.Millisecond),
		ohcetest.Double())
	onNetwork(t, script, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
		if _, err := c.Exchange(t.Context(), []byte("a")); err != nil { // answered at 150 and 260 ms
			t.Fatal(err)
		}
		if _, err := c.Exchange(t.Context(), []byte("b")); err != nil { // answered twice at once
			t.Fatal(err)
		}
		time.Sleep(time.Second) // in synctest time
		synctest.Wait()
		if st := c.Stats(); st.Duplicate != 2 || st.Late != 0 || st.Answered != 2 {
			t.Errorf("stats %+v, want 2 duplicates", st)
		}
		if !strings.Contains(j.String(), "260 2/5 duplicate A") {
			t.Errorf("the trace lacks the duplicate at 260 ms:\n%s", j)
		}
	})
	l := ohcetest.Lose()
	onNetwork(t, steps(ohcetest.Delay(1600*time.Millisecond), l, l, l, l),
		func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
			if _, err := c.Exchange(t.Context(), []byte("a")); !errors.Is(err, ohce.ErrServerDown) {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if st := c.Stats(); st.Late != 1 || !strings.HasSuffix(j.String(), "1600 5/5 late A") {
				t.Errorf("stats %+v, trace\n%s\nwant 1 late at 1600 ms", st, j)
			}
		})
}

func TestPortUnreachable(t *testing.T) {
	onNetwork(t, nil, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
		p.Close()
		start := time.Now()
		_, err := c.Exchange(t.Context(), []byte("a"))
		if d := time.Since(start); !errors.Is(err, ohce.ErrServerDown) ||
			!errors.Is(err, ohce.ErrPortUnreachable) || d != 1500*time.Millisecond {
			t.Errorf("%v after %v, want ErrServerDown and ErrPortUnreachable after 1.5s", err, d)
		}
		if st := c.Stats(); st.PortUnreachable != 5 || st.Attempts != 5 {
			t.Errorf("stats %+v, want 5 unreachable", st)
		}
		c.FailFast = true
		start = time.Now()
		_, err = c.Exchange(t.Context(), []byte("a"))
		if !errors.Is(err, ohce.ErrPortUnreachable) || errors.Is(err, ohce.ErrServerDown) ||
			time.Since(start) != 0 {
			t.Errorf("with FailFast: %v after %v, want ErrPortUnreachable after 0s", err, time.Since(start))
		}
	})
}

func TestServerStartsDuringExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		c := &ohce.Client{Addr: peerAddr, Dial: n.Dial}
		defer c.Close()
		time.AfterFunc(450*time.Millisecond, func() { n.NewPeer(peerAddr, upper) })
		r, err := c.Exchange(t.Context(), []byte("hello"))
		if err != nil || r.Attempts != 4 || r.Elapsed != 600*time.Millisecond {
			t.Errorf("%+v, %v; want the response to the fourth attempt", r, err)
		}
	})
}

func TestExchangeContextDone(t *testing.T) {
	onNetwork(t, steps(ohcetest.Lose(), ohcetest.Lose()),
		func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, j *traceLog) {
			ctx, cancel := context.WithTimeout(t.Context(), 123*time.Millisecond)
			defer cancel()
			start := time.Now()
			_, err := c.Exchange(ctx, []byte("a"))
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ohce.ErrServerDown) ||
				time.Since(start) != 123*time.Millisecond {
				t.Errorf("%v after %v, want context.DeadlineExceeded after 123ms", err, time.Since(start))
			}
			_, err = c.Exchange(ctx, []byte("a"))
			if !errors.Is(err, context.DeadlineExceeded) || len(p.Requests()) != 2 {
				t.Errorf("%v with %d requests, want context.DeadlineExceeded and no third request", err,
					len(p.Requests()))
			}
			if st := c.Stats(); st.Failed != 2 {
				t.Errorf("stats %+v, want 2 failed", st)
			}
		})
}

// TestPortQuarantine checks that a client does not use a port again while a late response can
// arrive there.
func TestPortQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		n.NewPeer(peerAddr, upper)
		sockets := 0
		// Like a system that assigns the lowest free port.
		dial := func(ctx context.Context, network, address string) (net.Conn, error) {
			sockets++
			for port := uint16(50_000); ; port++ {
				c, err := n.DialFrom(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), port), address)
				if err == nil {
					return c, nil
				}
			}
		}
		c := &ohce.Client{Addr: peerAddr, Dial: dial, Linger: -1}
		defer c.Close()
		seen := make(map[uint16]time.Time)
		for range 10 {
			r, err := c.Exchange(t.Context(), []byte("a"))
			if err != nil {
				t.Fatal(err)
			}
			if last, again := seen[r.LocalAddr.Port()]; again {
				t.Errorf("port %d used again after %v", r.LocalAddr.Port(), time.Since(last))
			}
			seen[r.LocalAddr.Port()] = time.Now()
		}
		time.Sleep(10 * time.Second) // in synctest time
		r, err := c.Exchange(t.Context(), []byte("a"))
		if err != nil || r.LocalAddr.Port() != 50_000 {
			t.Errorf("%+v, %v; want port 50000 again after the quarantine", r, err)
		}
		if want := 10*11/2 + 1; sockets != want {
			t.Errorf("%d sockets opened, want %d", sockets, want)
		}
	})
}

func TestClientErrors(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name    string
		c       *ohce.Client
		request []byte
		op      string
		is      error
	}{
		{"port", &ohce.Client{Addr: "127.0.0.1:70000"}, nil, "dial", nil},
		{"name", &ohce.Client{Addr: "nosuch.invalid:3000"}, nil, "dial", nil},
		{"too-large", &ohce.Client{Addr: "127.0.0.1:9"}, make([]byte, 65_508), "exchange",
			ohce.ErrTooLarge},
		{"buffer", &ohce.Client{BufferSize: -1}, nil, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer tt.c.Close()
			_, err := tt.c.Exchange(ctx, tt.request)
			if err == nil {
				t.Fatal("no error")
			}
			var op *ohce.OpError
			if errors.As(err, &op) != (tt.op != "") || op != nil && op.Op != tt.op {
				t.Errorf("%v is not an OpError of %q", err, tt.op)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
		})
	}
}

// TestPortUnreachableOnRealSocket checks an exchange with a closed port over loopback.
func TestPortUnreachableOnRealSocket(t *testing.T) {
	t.Parallel() // it waits for most of its time
	closed, err := loopback.ClosedPort()
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	c := &ohce.Client{Addr: closed.LocalAddr().String()}
	defer c.Close()
	start := time.Now()
	_, err = c.Exchange(t.Context(), []byte("hello"))
	d := time.Since(start)
	if !errors.Is(err, ohce.ErrServerDown) || d < 1500*time.Millisecond || d > 2500*time.Millisecond {
		t.Errorf("%v after %v, want ErrServerDown after 1.5s", err, d)
	}
	if reportsPortUnreachable && !errors.Is(err, ohce.ErrPortUnreachable) {
		t.Errorf("%v is not ErrPortUnreachable", err)
	}
}

func TestConcurrentExchanges(t *testing.T) {
	s := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(upper(w.AvailableBuffer(), r.Data))
	}))
	defer s.Close()
	c := s.Client()
	defer c.Close()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				want := fmt.Sprintf("G%d I%d", g, i)
				r, err := c.Exchange(t.Context(), []byte(strings.ToLower(want)))
				if err != nil || string(r.Data) != want {
					t.Errorf("%v, %v; want %s", r, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
	if st := c.Stats(); st.Exchanges != 800 || st.Answered != 800 {
		t.Errorf("stats %+v, want 800 answered", st)
	}
}
