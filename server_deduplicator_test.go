package ohce_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/ohcetest"
)

// A counter is a handler whose effect must not be repeated. It counts its calls and, after a delay,
// responds with the count.
type counter struct {
	calls atomic.Uint64
	takes time.Duration
}

func (c *counter) ServeUDP(w *ohce.ResponseWriter, r *ohce.Request) {
	n := c.calls.Add(1)
	time.Sleep(c.takes) // in synctest time
	w.Write(binary.BigEndian.AppendUint64(nil, n))
}

// increments makes n exchanges over a link with 20 % loss in each direction. It reports whether the
// responses are 1 to n in order.
func increments(t *testing.T, seed uint64, n int, h ohce.Handler) (inOrder bool) {
	synctest.Test(t, func(t *testing.T) {
		const addr = "10.0.0.1:3000"
		lossy := link.Impairment{
			Loss: link.RandomLoss(0.2), Delay: link.Delay{Base: 10 * time.Millisecond},
		}
		network := &ohcetest.Network{Link: ohcetest.Impair(
			&link.Link{Seed: seed, Up: lossy, Down: lossy}, netip.MustParseAddrPort(addr))}
		listen(t, network, addr, &ohce.Server{Handler: h})
		client := &ohce.Client{
			Addr: addr, Dial: network.Dial,
			// All attempts are lost once in 10^13 exchanges.
			Retry: ohce.RetryAfter(slices.Repeat([]time.Duration{100 * time.Millisecond}, 30)...),
		}
		defer client.Close()
		inOrder = true
		for i := range n {
			resp, err := client.Exchange(t.Context(), []byte("increment"))
			if err != nil {
				t.Fatalf("seed %d, exchange %d: %v", seed, i, err)
			}
			inOrder = inOrder && binary.BigEndian.Uint64(resp.Data) == uint64(i+1)
		}
	})
	return inOrder
}

// TestDeduplicatorIncrements checks that 100 increments over a link with 20 % loss call the handler
// exactly 100 times, for each seed. OHCE_SEEDS is the number of seeds.
func TestDeduplicatorIncrements(t *testing.T) {
	const n = 100
	seeds := testsize.Pick(50, 10)
	if k, err := strconv.Atoi(os.Getenv("OHCE_SEEDS")); err == nil {
		seeds = k
	}
	tests := []struct {
		name  string
		takes time.Duration
		wrap  func(ohce.Handler) ohce.Handler
	}{
		{"at-once", 0, func(h ohce.Handler) ohce.Handler { return &ohce.Deduplicator{Handler: h} }},
		// The handler takes longer than an attempt, so retransmissions arrive while it runs.
		{"concurrent", 250 * time.Millisecond, func(h ohce.Handler) ohce.Handler {
			return &ohce.Deduplicator{Handler: ohce.Concurrent(h, 4)}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range uint64(seeds) {
				c := &counter{takes: tt.takes}
				inOrder := increments(t, seed, n, tt.wrap(c))
				if got := c.calls.Load(); got != n || !inOrder {
					t.Fatalf("seed %d: %d increments left %d, responses in order: %v", seed, n, got,
						inOrder)
				}
			}
			t.Logf("%d increments left %d at each of %d seeds", n, n, seeds)
		})
	}
	t.Run("without", func(t *testing.T) { // shows that the test detects a missing Deduplicator
		var sum uint64
		for seed := range uint64(10) {
			c := new(counter)
			increments(t, seed, n, c)
			sum += c.calls.Load()
		}
		t.Logf("%d increments left %d on average without a Deduplicator", n, sum/10)
		if sum <= 10*n {
			t.Errorf("%d calls for %d increments: the network loses no response", sum, 10*n)
		}
	})
}

// A dedupTest has a server with a Deduplicator on a network and one client.
type dedupTest struct {
	*testing.T
	srv   *ohce.Server
	dedup *ohce.Deduplicator
	conn  net.Conn
}

func testDeduplicator(t *testing.T, d *ohce.Deduplicator, f func(dedupTest)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		srv := &ohce.Server{Handler: d, ErrorLog: slog.New(slog.DiscardHandler)}
		listen(t, n, "10.0.0.1:3000", srv)
		c, err := n.Dial(t.Context(), "udp", "10.0.0.1:3000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		f(dedupTest{t, srv, d, c})
	})
}

// send sends a request several times and waits until the server has handled it.
func (t dedupTest) send(request string, times int) {
	t.Helper()
	for range times {
		if _, err := t.conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
	}
}

// responses returns all responses received so far.
func (t dedupTest) responses() (all []string) {
	t.Helper()
	synctest.Wait()
	t.conn.SetReadDeadline(time.Now())
	buf := make([]byte, 100)
	for {
		n, err := t.conn.Read(buf)
		if err != nil {
			return all
		}
		all = append(all, string(buf[:n]))
	}
}

func (t dedupTest) checkResponses(want ...string) {
	t.Helper()
	if got := t.responses(); !slices.Equal(got, want) {
		t.Errorf("the responses are %q, want %q", got, want)
	}
}

// TestDeduplicatorRemembersOutcomes checks that each retransmission has the same outcome as the
// first call, whether it is a response or a drop.
func TestDeduplicatorRemembersOutcomes(t *testing.T) {
	tests := []struct {
		name    string
		handle  func(w *ohce.ResponseWriter, calls int)
		calls   int
		want    []string
		dropped map[ohce.DropReason]uint64
	}{
		{"response", func(w *ohce.ResponseWriter, calls int) { fmt.Fprint(w, calls) }, 1,
			[]string{"1", "1", "1"}, nil},
		{"empty", func(w *ohce.ResponseWriter, _ int) { w.Write(nil) }, 1, []string{"", "", ""}, nil},
		{"silent", func(*ohce.ResponseWriter, int) {}, 1, nil,
			map[ohce.DropReason]uint64{ohce.DropSilent: 3}},
		{"panic", func(w *ohce.ResponseWriter, _ int) { w.Write(nil); panic("on purpose") }, 1, nil,
			map[ohce.DropReason]uint64{ohce.DropPanic: 1, ohce.DropSilent: 2}},
		{"too-large", func(w *ohce.ResponseWriter, _ int) { w.Write(make([]byte, 70_000)) }, 1, nil,
			map[ohce.DropReason]uint64{ohce.DropTooLarge: 1, ohce.DropSilent: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			calls := 0
			testDeduplicator(t, &ohce.Deduplicator{Handler: ohce.HandlerFunc(
				func(w *ohce.ResponseWriter, r *ohce.Request) {
					calls++
					tt.handle(w, calls)
				})}, func(t dedupTest) {
				t.send("request", 3)
				t.checkResponses(tt.want...)
				st := t.srv.Stats()
				for reason, n := range st.Dropped.All() {
					if n != tt.dropped[reason] {
						t.Errorf("%d dropped as %v, want %d", n, reason, tt.dropped[reason])
					}
				}
				if calls != tt.calls || t.dedup.Stats().Hits != 2 {
					t.Errorf("%d calls, %v; want %d and 2 hits", calls, t.dedup.Stats(), tt.calls)
				}
			})
		})
	}
}

// TestDeduplicatorDropsCopiesDuringHandler checks that copies of a request are dropped while its
// response is deferred, and get the response afterwards.
func TestDeduplicatorDropsCopiesDuringHandler(t *testing.T) {
	deferred := make(chan *ohce.Deferred, 10)
	testDeduplicator(t, &ohce.Deduplicator{Handler: deferAll(deferred)}, func(t dedupTest) {
		t.send("Hello", 3)
		checkStats(t, t.srv.Stats(), 1)
		if n := t.srv.Stats().Dropped[ohce.DropDuplicate]; n != 2 || len(deferred) != 1 {
			t.Fatalf("%d calls, %d dropped as duplicate, want 1 and 2", len(deferred), n)
		}
		t.checkResponses()
		time.Sleep(time.Hour) // longer than any lifetime
		t.send("Hello", 1)
		d := <-deferred
		d.Write(d.Request.Data)
		d.Send()
		t.checkResponses("re: Hello")
		t.send("Hello", 2)
		t.checkResponses("re: Hello", "re: Hello")
		if len(deferred) != 0 || t.dedup.Stats().Pending != 3 || t.dedup.Stats().Hits != 2 {
			t.Errorf("%d more calls, %v; want none, 3 pending, 2 hits", len(deferred), t.dedup.Stats())
		}
	})
}

// TestDeduplicatorBusy checks that a request that a Concurrent handler dropped as busy is not
// stored.
func TestDeduplicatorBusy(t *testing.T) {
	const limit = 1 + 1024
	var release chan struct{} // created in the bubble
	testDeduplicator(t, &ohce.Deduplicator{Handler: ohce.Concurrent(ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) {
			<-release
			w.Write(r.Data)
		}), 1)}, func(t dedupTest) {
		release = make(chan struct{})
		for i := range limit {
			t.send(strconv.Itoa(i), 1)
		}
		t.send("busy", 2)
		if n := t.srv.Stats().Dropped[ohce.DropBusy]; n != 2 {
			t.Errorf("%d dropped as busy, want 2", n)
		}
		close(release)
		t.responses()
		t.send("busy", 1)
		t.checkResponses("busy")
		if n := t.dedup.Stats().Entries; n != limit+1 {
			t.Errorf("%d entries, want %d", n, limit+1)
		}
	})
}

// TestDeduplicatorLimits checks that a response is stored for Lifetime, or until there is no room.
func TestDeduplicatorLimits(t *testing.T) {
	calls := 0
	count := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		calls++
		fmt.Fprintf(w, "%s %d", r.Data, calls)
	})
	d := &ohce.Deduplicator{Handler: count, MaxEntries: 2, Lifetime: time.Minute}
	testDeduplicator(t, d, func(t dedupTest) {
		t.send("a", 1)
		time.Sleep(time.Minute - time.Nanosecond)
		t.send("a", 1)
		time.Sleep(time.Nanosecond)
		t.send("a", 1)
		t.checkResponses("a 1", "a 1", "a 2")
		t.send("b", 1)
		t.send("c", 1) // there is no room for a
		t.send("b", 1)
		t.send("a", 1)
		t.checkResponses("b 3", "c 4", "b 3", "a 5")
		if st := d.Stats(); st.Evicted != 2 || st.Entries != 2 {
			t.Errorf("%v, want 2 evicted and 2 entries", st)
		}
	})
}

// TestDeduplicatorFull checks that requests are dropped if the handler is running for all entries.
func TestDeduplicatorFull(t *testing.T) {
	deferred := make(chan *ohce.Deferred, 10)
	d := &ohce.Deduplicator{Handler: deferAll(deferred), MaxEntries: 2}
	testDeduplicator(t, d, func(t dedupTest) {
		t.send("a", 1)
		t.send("b", 1)
		t.send("c", 1)
		if n := t.srv.Stats().Dropped[ohce.DropBusy]; n != 1 || d.Stats().Refused != 1 {
			t.Errorf("%d dropped as busy, %v; want 1 refused", n, d.Stats())
		}
		(<-deferred).Send()
		t.send("c", 1)
		if len(deferred) != 2 {
			t.Errorf("%d requests are open, want b and c", len(deferred))
		}
		(<-deferred).Send()
		(<-deferred).Send()
	})
}

// TestDeduplicatorsNest checks that a deferred response is stored by a Deduplicator and by another
// one around it.
func TestDeduplicatorsNest(t *testing.T) {
	deferred := make(chan *ohce.Deferred, 10)
	inner := &ohce.Deduplicator{Handler: deferAll(deferred)}
	outer := &ohce.Deduplicator{Handler: inner}
	testDeduplicator(t, outer, func(t dedupTest) {
		t.send("a", 1)
		(<-deferred).Send()
		t.send("a", 1)
		t.checkResponses("re: ", "re: ")
		if outer.Stats().Hits != 1 || inner.Stats().Hits != 0 || inner.Stats().Entries != 1 {
			t.Errorf("outer %v, inner %v; want a hit of the outer one", outer.Stats(), inner.Stats())
		}
	})
}

// TestDeduplicatorConcurrentUse checks that requests on several goroutines, as from several shards,
// call the handler once each.
func TestDeduplicatorConcurrentUse(t *testing.T) {
	const goroutines, requests = 8, 500
	var calls atomic.Uint64
	d := &ohce.Deduplicator{Handler: ohce.HandlerFunc(
		func(w *ohce.ResponseWriter, r *ohce.Request) {
			calls.Add(1)
			w.Write(bytes.ToUpper(r.Data))
		})}
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := range requests {
				var w ohce.ResponseWriter
				data := fmt.Appendf(nil, "request %d", i)
				d.ServeUDP(&w, &ohce.Request{Data: data})
				if w.Written() && !bytes.Equal(w.Bytes(), bytes.ToUpper(data)) {
					t.Errorf("%q got %q", data, w.Bytes())
				}
			}
		})
	}
	all.Wait()
	st := d.Stats()
	if calls.Load() != requests || st.Hits+st.Pending != (goroutines-1)*requests {
		t.Errorf("%d calls for %d requests, %v", calls.Load(), requests, st)
	}
}

// TestDeduplicatorOnRealSockets checks that a retransmission gets the first response, and that a
// request from another port gets its own.
func TestDeduplicatorOnRealSockets(t *testing.T) {
	c := new(counter)
	s := ohcetest.NewServer(&ohce.Deduplicator{Handler: c})
	defer s.Close()
	first, second := dial(t, s.Addr), dial(t, s.Addr)
	for i, conn := range []*net.UDPConn{first, first, second, first} {
		want := []uint64{1, 1, 2, 1}[i]
		if got := binary.BigEndian.Uint64(roundTrip(t, conn, []byte("increment"))); got != want {
			t.Errorf("request %d got %d, want %d", i, got, want)
		}
	}
	client := s.Client()
	defer client.Close()
	resp, err := client.Exchange(context.Background(), []byte("increment"))
	if err != nil || binary.BigEndian.Uint64(resp.Data) != 3 {
		t.Errorf("an exchange got %v (%v), want 3", resp, err)
	}
}
