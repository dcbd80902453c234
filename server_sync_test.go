package ohce_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/ohcetest"
)

// listen binds a server on a network and serves it until the test ends.
func listen(t testing.TB, n *ohcetest.Network, addr string, srv *ohce.Server) {
	t.Helper()
	pc, err := n.ListenPacket(addr)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, srv, pc)
}

// TestLoopBetweenTwoServers starts a loop between two servers with one forged datagram. The guard
// prevents it by the source port or ends it after a number of datagrams. Without a guard it
// continues.
func TestLoopBetweenTwoServers(t *testing.T) {
	const limit = 100
	none := new(guard.PortSet)
	tests := []struct {
		name   string
		refuse *guard.PortSet
		limit  int
		twin   string
		ends   bool
		most   uint64 // datagrams that the servers may exchange before the loop ends
	}{
		{"same-port", nil, -1, "10.0.0.2:3000", true, 1},
		{"other-port", nil, limit, "10.0.0.2:4000", true, 2*limit + 1},
		{"other-port-unguarded", nil, -1, "10.0.0.2:4000", false, 0},
		{"same-port-unguarded", none, -1, "10.0.0.2:3000", false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &ohcetest.Network{Link: func(d ohcetest.Datagram) []ohcetest.Arrival {
					return []ohcetest.Arrival{{After: time.Millisecond, Datagram: d}}
				}}
				loops := guard.Loops{RefusePorts: tt.refuse, Rounds: tt.limit, Streak: -1}
				a, b := &ohce.Server{Guard: loops}, &ohce.Server{Guard: loops}
				listen(t, n, "10.0.0.1:3000", a)
				listen(t, n, tt.twin, b)
				n.Inject(ohcetest.Datagram{
					From: netip.MustParseAddrPort(tt.twin),
					To:   netip.MustParseAddrPort("10.0.0.1:3000"),
					Data: []byte("Hello"),
				})
				time.Sleep(time.Second) // in synctest time
				synctest.Wait()
				sum := a.Stats().Received + b.Stats().Received
				if !tt.ends && sum < 900 {
					t.Errorf("%d datagrams in a second, want an endless loop", sum)
				}
				drops := a.Stats().Dropped[ohce.DropLoop] + b.Stats().Dropped[ohce.DropLoop]
				if tt.ends && (sum > tt.most || drops != 1) {
					t.Errorf("%d datagrams, %d dropped as loop; want at most %d and 1", sum, drops, tt.most)
				}
			})
		})
	}
}

func TestServicePortsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		srv := new(ohce.Server)
		listen(t, n, "10.0.0.1:3000", srv)
		for _, port := range []uint16{0, 7, 19, 53, 123, 1023} {
			n.Inject(ohcetest.Datagram{
				From: netip.AddrPortFrom(netip.MustParseAddr("10.9.9.9"), port),
				To:   netip.MustParseAddrPort("10.0.0.1:3000"),
			})
		}
		synctest.Wait()
		if st := srv.Stats(); st.Dropped[ohce.DropLoop] != 6 || st.Received != 6 {
			t.Errorf("stats %+v, want 6 dropped as loop", st)
		}
	})
}

func TestPanicLogRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := new(ohcetest.Network)
		srv := &ohce.Server{
			ErrorLog: slog.New(slog.NewTextHandler(&log, nil)),
			Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
				w.Write([]byte("half an answer"))
				if string(r.Data) == "bad" {
					panic("handler's own words")
				}
			}),
		}
		listen(t, n, "10.0.0.1:3000", srv)
		c, err := n.Dial(t.Context(), "udp", "10.0.0.1:3000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		burst := func() {
			for range 100 {
				c.Write([]byte("bad"))
			}
			synctest.Wait()
		}
		burst()
		time.Sleep(999 * time.Millisecond) // in synctest time
		burst()
		if got := strings.Count(log.String(), "handler panicked"); got != 1 {
			t.Errorf("%d records for 200 panics within a second, want 1", got)
		}
		time.Sleep(time.Second)
		burst()
		records := log.String()
		if got := strings.Count(records, "handler panicked"); got != 2 {
			t.Errorf("%d records, want a second one in the next second", got)
		}
		for _, want := range []string{"handler's own words", "since_last_record=199", "server_sync_test"} {
			if !strings.Contains(records, want) {
				t.Errorf("the log lacks %q", want)
			}
		}
		if got := roundTrip(t, c, []byte("good")); string(got) != "half an answer" {
			t.Errorf("after the panics the server answered %q", got)
		}
		synctest.Wait() // a response can arrive before it is counted
		if st := srv.Stats(); st.Dropped[ohce.DropPanic] != 300 || st.Answered != 1 {
			t.Errorf("stats %+v, want 300 dropped as panic and 1 answered", st)
		}
	})
}

func TestConcurrentHandlersDoNotBlockOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		var running, most atomic.Int32
		slow := ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second) // in synctest time
			running.Add(-1)
			fmt.Fprintf(w, "slow %s", r.Data)
		})
		concurrent := ohce.Concurrent(slow, 4)
		srv := &ohce.Server{Handler: ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) {
				if len(r.Data) > 0 && r.Data[0] == 'q' {
					w.Write([]byte("quick"))
					return
				}
				concurrent.ServeUDP(w, r)
			})}
		listen(t, n, "10.0.0.1:3000", srv)
		c, err := n.Dial(t.Context(), "udp", "10.0.0.1:3000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		start := time.Now()
		for i := range 8 {
			fmt.Fprintf(c, "%d", i)
		}
		if got := roundTrip(t, c, []byte("q")); string(got) != "quick" || time.Since(start) != 0 {
			t.Errorf("got %q after %v behind slow requests, want quick at once", got, time.Since(start))
		}
		synctest.Wait()
		checkStats(t, srv.Stats(), 8)
		buf, seen := make([]byte, 100), map[string]bool{}
		for range 8 {
			k, err := c.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			seen[string(buf[:k])] = true
		}
		if d := time.Since(start); len(seen) != 8 || d != 2*time.Second || most.Load() != 4 {
			t.Errorf("%d different answers after %v with %d at once, want 8 after 2s with 4",
				len(seen), d, most.Load())
		}
		synctest.Wait()
		checkStats(t, srv.Stats(), 0)
	})
}

func TestConcurrentQueueFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		release := make(chan struct{})
		srv := &ohce.Server{Handler: ohce.Concurrent(ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) {
				<-release
				if string(r.Data) == "bad" {
					panic("in a worker")
				}
				w.Write(r.Data)
			}), 1), ErrorLog: slog.New(slog.DiscardHandler)}
		listen(t, n, "10.0.0.1:3000", srv)
		c, err := n.Dial(t.Context(), "udp", "10.0.0.1:3000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write([]byte("bad"))
		synctest.Wait()
		for i := range 1024 + 10 {
			fmt.Fprint(c, i) // equal requests would look like a loop
			synctest.Wait()
		}
		st := srv.Stats()
		checkStats(t, st, 1025)
		if st.Dropped[ohce.DropBusy] != 10 {
			t.Errorf("%d dropped as busy, want 10", st.Dropped[ohce.DropBusy])
		}
		close(release)
		synctest.Wait()
		st = srv.Stats()
		checkStats(t, st, 0)
		if st.Answered != 1024 || st.Dropped[ohce.DropPanic] != 1 {
			t.Errorf("stats %+v, want 1024 answered and 1 dropped as panic", st)
		}
	})
}

func TestShutdownContextDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		srv := &ohce.Server{Handler: ohce.Concurrent(ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) {
				<-r.Context().Done()
				w.Write([]byte("too late"))
			}), 1)}
		pc, err := n.ListenPacket("10.0.0.1:3000")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(pc) }()
		n.Inject(ohcetest.Datagram{
			From: netip.MustParseAddrPort("10.0.0.9:9999"), To: netip.MustParseAddrPort("10.0.0.1:3000")})
		synctest.Wait()
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		err = srv.Shutdown(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 3*time.Second {
			t.Errorf("Shutdown = %v after %v, want the deadline after 3s", err, time.Since(start))
		}
		if err := <-served; err != ohce.ErrServerClosed {
			t.Errorf("Serve = %v", err)
		}
		st := srv.Stats()
		checkStats(t, st, 0)
		if st.Dropped[ohce.DropUnsent] != 1 || st.WriteErrors["closed"] != 1 {
			t.Errorf("stats %+v, want the late response as unsent, closed", st)
		}
	})
}
