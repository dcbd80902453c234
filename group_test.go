package ohce_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/ohcetest"
)

// servers holds the servers of a test, at 192.0.2.1:3000, 192.0.2.2:3000 and so on, and a group of
// clients for them. The kind of a server is "up" if it responds, "silent" if it receives requests
// but does not respond, "closed" if no socket is bound to its port, or "slow" if its responses take
// 100 ms.
type servers struct {
	net      *ohcetest.Network
	group    *ohce.Group
	received []atomic.Int64 // requests, by server
}

func serverAddr(i int) string { return fmt.Sprintf("192.0.2.%d:3000", i+1) }

func testGroup(t *testing.T, policy ohce.GroupPolicy, kinds string, f func(t *testing.T, s *servers)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		all := strings.Fields(kinds)
		s := &servers{group: &ohce.Group{Policy: policy}, received: make([]atomic.Int64, len(all))}
		s.net = &ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
			delay := time.Millisecond
			for i, kind := range all {
				if kind == "slow" && d.From.String() == serverAddr(i) {
					delay = 100 * time.Millisecond
				}
			}
			return []ohcetest.Arrival{{After: delay, Datagram: d}}
		}}
		for i, kind := range all {
			if kind != "closed" {
				s.listen(t, i, kind != "silent")
			}
			c := &ohce.Client{Addr: serverAddr(i), Dial: s.net.Dial, Match: ohce.MatchExact(reversed)}
			s.group.Clients = append(s.group.Clients, c)
		}
		defer s.group.Close()
		f(t, s)
	})
}

// listen starts server i.
func (s *servers) listen(t *testing.T, i int, answers bool) {
	t.Helper()
	pc, err := s.net.ListenPacket(serverAddr(i))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		s.received[i].Add(1)
		if answers {
			w.Write(reversed(nil, r.Data))
		}
	})}, pc)
}

func (s *servers) count(i int) int { return int(s.received[i].Load()) }

// exchange sends a request to the group. It returns the index of the server that responded and the
// duration.
func (s *servers) exchange(t *testing.T) (from int, took time.Duration) {
	t.Helper()
	begun := time.Now()
	resp, err := s.group.Exchange(t.Context(), []byte("abc"))
	if err != nil {
		t.Fatal(err)
	}
	if string(resp.Data) != "cba" {
		t.Errorf("answer %q", resp.Data)
	}
	return int(resp.RemoteAddr.Addr().As4()[3]) - 1, time.Since(begun)
}

func TestFailover(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		kinds string
		from  int
		took  time.Duration
	}{
		{"up up", 0, 2 * ms},
		{"silent up up", 1, 1502 * ms},
		{"closed up", 1, 3 * ms}, // ICMP port unreachable, then the next server
		{"closed silent up", 2, 1503 * ms},
		{"slow up", 0, 101 * ms},
	} {
		t.Run(tt.kinds, func(t *testing.T) {
			testGroup(t, ohce.Failover, tt.kinds, func(t *testing.T, s *servers) {
				if from, took := s.exchange(t); from != tt.from || took != tt.took {
					t.Errorf("server %d answered after %v, want %d after %v", from, took, tt.from, tt.took)
				}
				// The next request goes to that server first.
				from, took := s.exchange(t)
				if from != tt.from || took > 101*ms {
					t.Errorf("the next request was answered by server %d after %v", from, took)
				}
			})
		})
	}
}

// TestGroupElapsed checks that a response has the time and the attempts of all servers that the
// request was sent to.
func TestGroupElapsed(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		policy   ohce.GroupPolicy
		kinds    string
		attempts int
		elapsed  time.Duration
		rtt      time.Duration
	}{
		{ohce.Failover, "up silent", 1, 2 * ms, 2 * ms},
		{ohce.Failover, "silent up", 6, 1502 * ms, 2 * ms},
		{ohce.Failover, "silent silent up", 11, 3002 * ms, 2 * ms},
		{ohce.RoundRobin, "closed silent up", 7, 1503 * ms, 2 * ms},
		{ohce.Race, "silent closed up", 1, 2 * ms, 2 * ms},
	} {
		t.Run(fmt.Sprint(tt.policy, " ", tt.kinds), func(t *testing.T) {
			check := func(name string, resp *ohce.Response) {
				t.Helper()
				if resp.Attempts != tt.attempts || resp.Elapsed != tt.elapsed || resp.RTT != tt.rtt {
					t.Errorf("%s: %d attempts in %v, round-trip time %v; want %d in %v, %v", name, resp.Attempts,
						resp.Elapsed, resp.RTT, tt.attempts, tt.elapsed, tt.rtt)
				}
			}
			testGroup(t, tt.policy, tt.kinds, func(t *testing.T, s *servers) {
				resp, err := s.group.Exchange(t.Context(), []byte("abc"))
				if err != nil {
					t.Fatal(err)
				}
				check("Exchange", resp)
			})
			testGroup(t, tt.policy, tt.kinds, func(t *testing.T, s *servers) {
				for r, err := range s.group.Stream(t.Context(), numbered(1)) {
					if err != nil || r.Err != nil {
						t.Fatal(err, r.Err)
					}
					check("Stream", r.Response)
				}
			})
		})
	}
}

// TestGroupElapsedAfterRefusals checks that the time in which all ports were unreachable counts.
func TestGroupElapsedAfterRefusals(t *testing.T) {
	testGroup(t, ohce.Failover, "closed closed", func(t *testing.T, s *servers) {
		time.AfterFunc(700*time.Millisecond, func() { s.listen(t, 1, true) })
		begun := time.Now()
		resp, err := s.group.Exchange(t.Context(), []byte("abc"))
		if took := time.Since(begun); err != nil || resp.Elapsed != took {
			t.Errorf("the response reports %v, want %v (%v)", resp.Elapsed, took, err)
		}
	})
}

// TestGroupDown checks that an exchange with servers that are all down ends after the expected time
// with an error that names each server.
func TestGroupDown(t *testing.T) {
	const ms = time.Millisecond
	for _, tt := range []struct {
		policy ohce.GroupPolicy
		kinds  string
		took   time.Duration
	}{
		{ohce.Failover, "silent silent", 3000 * ms},
		{ohce.Failover, "closed silent", 1501 * ms},
		{ohce.Failover, "closed closed", 1502 * ms}, // both refuse, then a whole schedule
		{ohce.RoundRobin, "silent silent", 3000 * ms},
		{ohce.Race, "silent silent closed", 1500 * ms},
	} {
		t.Run(fmt.Sprint(tt.policy, " ", tt.kinds), func(t *testing.T) {
			testGroup(t, tt.policy, tt.kinds, func(t *testing.T, s *servers) {
				begun := time.Now()
				_, err := s.group.Exchange(t.Context(), []byte("abc"))
				took := time.Since(begun)
				var op *ohce.OpError
				if !errors.Is(err, ohce.ErrServerDown) || !errors.As(err, &op) || took != tt.took {
					t.Fatalf("after %v: %v, want down after %v", took, err, tt.took)
				}
				for i := range s.group.Clients {
					if !strings.Contains(err.Error(), serverAddr(i)) {
						t.Errorf("%v does not name %s", err, serverAddr(i))
					}
				}
				if op.Attempts == 0 || op.Elapsed != took || !op.Timeout() ||
					errors.Is(err, ohce.ErrPortUnreachable) != strings.Contains(tt.kinds, "closed") {
					t.Errorf("the error is %#v, want other fields", op)
				}
				for _, err := range outcomes(s.group.Stream(t.Context(), numbered(1))) {
					if !errors.Is(err, ohce.ErrServerDown) {
						t.Errorf("a stream ended with %v, want ErrServerDown", err)
					}
				}
				if again := time.Since(begun) - took; again > tt.took+10*ms || again < tt.took-10*ms {
					t.Errorf("a stream took %v, want %v", again, tt.took)
				}
			})
		})
	}
}

// TestGroupServerRestarts checks that if all ports are unreachable, a server that starts during the
// schedule is used, but not with FailFast.
func TestGroupServerRestarts(t *testing.T) {
	for _, policy := range []ohce.GroupPolicy{ohce.Failover, ohce.RoundRobin, ohce.Race} {
		testGroup(t, policy, "closed closed", func(t *testing.T, s *servers) {
			time.AfterFunc(700*time.Millisecond, func() { s.listen(t, 1, true) })
			if from, took := s.exchange(t); from != 1 || took > 1100*time.Millisecond {
				t.Errorf("%v: server %d after %v", policy, from, took)
			}
		})
		testGroup(t, policy, "closed closed", func(t *testing.T, s *servers) {
			for _, c := range s.group.Clients {
				c.FailFast = true
			}
			begun := time.Now()
			_, err := s.group.Exchange(t.Context(), []byte("abc"))
			if !errors.Is(err, ohce.ErrServerDown) || time.Since(begun) > 5*time.Millisecond {
				t.Errorf("%v: %v after %v", policy, err, time.Since(begun))
			}
		})
	}
}

func TestRoundRobin(t *testing.T) {
	testGroup(t, ohce.RoundRobin, "up up up", func(t *testing.T, s *servers) {
		for i := range 9 {
			if from, _ := s.exchange(t); from != i%3 {
				t.Errorf("request %d was answered by server %d", i, from)
			}
		}
	})
	testGroup(t, ohce.RoundRobin, "up closed up", func(t *testing.T, s *servers) {
		for range 9 {
			s.exchange(t)
		}
		if s.count(0) != 3 || s.count(2) != 6 {
			t.Errorf("the servers received %d, %d and %d requests", s.count(0), s.count(1), s.count(2))
		}
	})
}

func TestRace(t *testing.T) {
	testGroup(t, ohce.Race, "slow silent up closed", func(t *testing.T, s *servers) {
		for range 3 {
			if from, took := s.exchange(t); from != 2 || took != 2*time.Millisecond {
				t.Errorf("server %d answered after %v", from, took)
			}
		}
		if s.count(0) != 3 || s.count(1) != 3 {
			t.Errorf("the servers received %d and %d requests", s.count(0), s.count(1))
		}
	})
}

// TestGroupStream checks for each policy, with and without Match, that a stream is answered in
// order although one server is silent, one is closed and one stops during the stream.
func TestGroupStream(t *testing.T) {
	for _, policy := range []ohce.GroupPolicy{ohce.Failover, ohce.RoundRobin, ohce.Race} {
		for _, expect := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v %v", policy, expect), func(t *testing.T) {
				testGroup(t, policy, "closed up silent up", func(t *testing.T, s *servers) {
					testGroupStream(t, s, expect)
				})
			})
		}
	}
}

func testGroupStream(t *testing.T, s *servers, expect bool) {
	n := testsize.Pick(3000, 1000)
	for _, c := range s.group.Clients {
		if !expect {
			c.Match = nil
		}
	}
	stopped := false
	pass := s.net.Link
	s.net.Link = func(d ohcetest.Datagram) []ohcetest.Arrival {
		if s.count(1) > n/10 {
			stopped = true // server 1
		}
		if stopped && d.From.Addr() == netip.MustParseAddr("192.0.2.2") {
			return nil
		}
		return pass(d)
	}
	i := 0
	for resp, err := range outcomes(s.group.Stream(t.Context(), numbered(n))) {
		if err != nil || !isAnswer(resp.Data, i) {
			t.Fatalf("request %d: %v, %v", i, resp, err)
		}
		i++
	}
	if i != n || !stopped || s.count(3) < n/10 {
		t.Errorf("%d outcomes, server 1 stopped %v, server 3 received %d requests", i, stopped, s.count(3))
	}
}

// TestGroupStreamEnds checks that a stream ends when its context is done or the loop is left, and
// continues after an error of one request.
func TestGroupStreamEnds(t *testing.T) {
	testGroup(t, ohce.RoundRobin, "up up", func(t *testing.T, s *servers) {
		got := 0
		for range outcomes(s.group.Stream(t.Context(), numbered(1000))) {
			if got++; got == 5 {
				break
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		waits := func(yield func([]byte) bool) {
			if yield([]byte("one")) {
				time.Sleep(time.Second)
				yield([]byte("two"))
			}
		}
		var last error
		for _, err := range outcomes(s.group.Stream(ctx, waits)) {
			last = err
		}
		if !errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("the stream ended with %v, want context.DeadlineExceeded", last)
		}
		time.Sleep(2 * time.Second) // until the iterator has returned
		requests := func(yield func([]byte) bool) {
			_ = yield([]byte("small")) && yield(bytes.Repeat([]byte{'.'}, 70_000)) && yield([]byte("again"))
		}
		var all []string
		for resp, err := range outcomes(s.group.Stream(t.Context(), requests)) {
			if err != nil {
				all = append(all, fmt.Sprint(errors.Is(err, ohce.ErrTooLarge)))
				continue
			}
			all = append(all, string(resp.Data))
		}
		if got := fmt.Sprint(all); got != "[llams true niaga]" {
			t.Errorf("outcomes %v", got)
		}
	})
}

// TestGroupDialError checks that the group uses the next server if no socket can be connected to
// one.
func TestGroupDialError(t *testing.T) {
	for _, policy := range []ohce.GroupPolicy{ohce.Failover, ohce.RoundRobin, ohce.Race} {
		testGroup(t, policy, "up up", func(t *testing.T, s *servers) {
			s.group.Clients[0].Addr = "no address"
			if from, _ := s.exchange(t); from != 1 {
				t.Errorf("%v: server %d answered", policy, from)
			}
			i := 0
			paused := func(yield func([]byte) bool) { // the later ones follow the dial error
				for request := range numbered(100) {
					time.Sleep(100 * time.Millisecond)
					if !yield(request) {
						return
					}
				}
			}
			for resp, err := range outcomes(s.group.Stream(t.Context(), paused)) {
				if err != nil || !isAnswer(resp.Data, i) {
					t.Fatalf("%v: request %d: %v, %v", policy, i, resp, err)
				}
				i++
			}
			if i != 100 {
				t.Errorf("%v: %d outcomes", policy, i)
			}
			s.group.Clients[1].Addr = "none either"
			_, err := s.group.Exchange(t.Context(), nil)
			if !errors.Is(err, ohce.ErrServerDown) || !strings.Contains(err.Error(), "none either") {
				t.Errorf("%v: %v", policy, err)
			}
		})
	}
}

func TestGroupErrors(t *testing.T) {
	for _, g := range []*ohce.Group{{}, {Clients: []*ohce.Client{{}}, Policy: 3}} {
		if _, err := g.Exchange(t.Context(), nil); err == nil || errors.Is(err, ohce.ErrServerDown) {
			t.Errorf("%+v: %v", g, err)
		}
		n := 0
		for _, err := range outcomes(g.Stream(t.Context(), numbered(2))) {
			if n++; err == nil {
				t.Errorf("%+v: no error", g)
			}
		}
		if n != 1 {
			t.Errorf("%+v: %d errors of a stream, want one", g, n)
		}
	}
	if ohce.GroupPolicy(3).String() != "unknown" {
		t.Error("the name of an unknown policy is not \"unknown\"")
	}
}

// TestRaceWithSlowServer checks that a slow server gets as many requests as fit into its window,
// but none that others have already answered.
func TestRaceWithSlowServer(t *testing.T) {
	testGroup(t, ohce.Race, "up slow", func(t *testing.T, s *servers) {
		for _, c := range s.group.Clients {
			c.MaxInFlight = 16
		}
		const n = 2000
		requests := func(yield func([]byte) bool) {
			for request := range numbered(n) {
				if !yield(request) {
					return
				}
				time.Sleep(time.Millisecond) // in synctest time
			}
		}
		answered := 0
		for _, err := range outcomes(s.group.Stream(t.Context(), requests)) {
			if err != nil {
				t.Fatal(err)
			}
			answered++
		}
		// The slow server takes 16 requests in a round trip of 101 ms, for two seconds. Each is
		// sent twice, because the first attempt waits for 100 ms.
		if answered != n || s.count(1) < 500 || s.count(1) > 700 {
			t.Errorf("%d answered, the slow server received %d requests, want about 640", answered, s.count(1))
		}
	})
}

// TestGroupContextDone checks that an exchange whose context is done does not end with
// ErrServerDown, even after an ICMP message.
func TestGroupContextDone(t *testing.T) {
	testGroup(t, ohce.Race, "closed closed", func(t *testing.T, s *servers) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := s.group.Exchange(ctx, []byte("abc"))
		if errors.Is(err, ohce.ErrServerDown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's error alone", err)
		}
	})
}

// TestGroupRequestOwnedByCaller checks that a slow member does not send a request that was yielded
// and then modified by the caller.
func TestGroupRequestOwnedByCaller(t *testing.T) {
	testGroup(t, ohce.Race, "up slow", func(t *testing.T, s *servers) {
		var wrong atomic.Int64
		pass := s.net.Link
		s.net.Link = func(d ohcetest.Datagram) []ohcetest.Arrival {
			if d.To.Port() == 3000 && d.Data[0] == 0 {
				wrong.Add(1)
			}
			return pass(d)
		}
		s.group.Clients[1].MaxInFlight = 1
		requests := func(yield func([]byte) bool) {
			for range testsize.Pick(2000, 500) {
				if !yield(bytes.Repeat([]byte("x"), 20_000)) {
					return
				}
			}
		}
		for r, err := range s.group.Stream(t.Context(), requests) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			clear(r.Request)
			time.Sleep(time.Millisecond) // in synctest time
		}
		if wrong.Load() > 0 {
			t.Errorf("%d modified requests were sent, want 0", wrong.Load())
		}
	})
}

// TestGroupStreamMaxBytes checks that MaxBytes of the clients limits the responses held while a
// request waits for a silent server.
func TestGroupStreamMaxBytes(t *testing.T) {
	testGroup(t, ohce.RoundRobin, "silent up", func(t *testing.T, s *servers) {
		for _, c := range s.group.Clients {
			c.MaxBytes = 1 << 20
		}
		var taken atomic.Int64
		atFirst := 0
		requests := func(yield func([]byte) bool) {
			for i := range 100_000 {
				request := make([]byte, 20_000)
				copy(request, fmt.Sprint(i))
				taken.Add(1)
				if !yield(request) {
					return
				}
			}
		}
		for _, err := range s.group.Stream(t.Context(), requests) {
			if err != nil {
				t.Fatal(err)
			}
			atFirst = int(taken.Load())
			break
		}
		if most := 1<<20/20_000 + 10; atFirst > most {
			t.Errorf("%d requests of 20,000 bytes were taken, want at most %d", atFirst, most)
		}
	})
}
