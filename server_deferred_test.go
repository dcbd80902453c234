package ohce_test

import (
	"bytes"
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
	"github.com/ohce/ohce/ohcetest"
)

// deferAll returns a handler that writes "re: " and sends each Deferred to the channel.
func deferAll(to chan<- *ohce.Deferred) ohce.Handler {
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write([]byte("re: "))
		to <- w.Defer(r)
		w.Write([]byte("ignored"))
	})
}

// TestDeferredEndsOnce checks that each way to end a Deferred is counted once, and a second end is
// not counted.
func TestDeferredEndsOnce(t *testing.T) {
	tests := []struct {
		name     string
		end      func(d *ohce.Deferred) error
		err      error
		answered uint64
		dropped  ohce.DropReason
	}{
		{"send", func(d *ohce.Deferred) error { return d.Send() }, nil, 1, 0},
		{"write-and-send", func(d *ohce.Deferred) error {
			d.Write(d.Request.Data)
			return d.Send()
		}, nil, 1, 0},
		{"close", func(d *ohce.Deferred) error { return d.Close() }, nil, 0, ohce.DropSilent},
		{"silent", func(d *ohce.Deferred) error { d.Reset(); return d.Send() }, nil, 0,
			ohce.DropSilent},
		{"too-large", func(d *ohce.Deferred) error {
			d.Write(make([]byte, 65_507))
			return d.Send()
		}, ohce.ErrTooLarge, 0, ohce.DropTooLarge},
		{"deferred-again", func(d *ohce.Deferred) error {
			again := d.Defer(d.Request)
			if err := d.Send(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Send of a Deferred that was deferred again: %v", err)
			}
			return again.Send()
		}, nil, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := new(ohcetest.Network)
				deferred := make(chan *ohce.Deferred, 1)
				srv := &ohce.Server{Handler: deferAll(deferred)}
				listen(t, n, "10.0.0.1:3000", srv)
				c, err := n.Dial(t.Context(), "udp", "10.0.0.1:3000")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.Write([]byte("Hello"))
				d := <-deferred
				time.Sleep(time.Hour) // in synctest time
				checkStats(t, srv.Stats(), 1)
				if err := tt.end(d); !errors.Is(err, tt.err) {
					t.Errorf("the first end: %v, want %v", err, tt.err)
				}
				st := srv.Stats()
				if st.Answered != tt.answered || st.Dropped[tt.dropped] != 1-tt.answered {
					t.Errorf("stats %v, want %d answered, else %v", st, tt.answered, tt.dropped)
				}
				_, write := d.Write([]byte("more"))
				for _, err := range []error{write, d.Send()} {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("after the end: %v, want net.ErrClosed", err)
					}
				}
				if err := d.Close(); err != nil {
					t.Errorf("Close after the end: %v", err)
				}
				if again := srv.Stats(); again.Received != 1 || again.String() != st.String() {
					t.Errorf("stats %v, want no change from %v", again, st)
				}
			})
		})
	}
}

// TestDeferredOnRealSockets checks that a deferred response leaves from the address that the
// request was sent to, and contains what the handler wrote before Defer.
func TestDeferredOnRealSockets(t *testing.T) {
	const clients = 50
	deferred := make(chan *ohce.Deferred, clients)
	srv := &ohce.Server{Handler: deferAll(deferred)}
	if err := srv.Listen("0.0.0.0:0"); err != nil {
		t.Fatal(err)
	}
	serve(t, srv)
	addr := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), srv.Addrs()[0].Port())
	var all []*net.UDPConn
	for i := range clients {
		c := dial(t, addr.String())
		fmt.Fprint(c, i)
		all = append(all, c)
	}
	var senders sync.WaitGroup
	for range clients {
		d := <-deferred
		senders.Go(func() {
			d.Write(d.Request.Data)
			if err := d.Send(); err != nil {
				t.Error(err)
			}
		})
	}
	senders.Wait()
	buf := make([]byte, 100)
	for i, c := range all {
		n, err := c.Read(buf)
		if want := fmt.Sprintf("re: %d", i); err != nil || string(buf[:n]) != want {
			t.Errorf("client %d received %q (%v), want %q", i, buf[:n], err, want)
		}
	}
}

// TestDeferredSendAndCloseRace checks that only one of concurrent calls of Send and Close is
// counted.
func TestDeferredSendAndCloseRace(t *testing.T) {
	const requests = 200
	deferred := make(chan *ohce.Deferred, requests)
	s := ohcetest.NewServer(deferAll(deferred))
	c := dial(t, s.Addr)
	for i := range requests {
		if _, err := fmt.Fprint(c, i); err != nil { // equal requests would look like a loop
			t.Fatal(err)
		}
		d := <-deferred
		var both sync.WaitGroup
		both.Go(func() { d.Send() })
		both.Go(func() { d.Close() })
		both.Wait()
	}
	st := s.Config.Stats()
	checkStats(t, st, 0)
	if st.Answered+st.Dropped[ohce.DropSilent] != requests {
		t.Errorf("stats %v, want %d answered or silent", st, requests)
	}
	s.Close()
}

// TestShutdownEndsDeferred checks that a Deferred that never ends keeps its request in flight until
// the context of Shutdown is done.
func TestShutdownEndsDeferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		deferred := make(chan *ohce.Deferred, 3)
		srv := &ohce.Server{Handler: deferAll(deferred)}
		pc, err := n.ListenPacket("10.0.0.1:3000")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- srv.Serve(pc) }()
		for range 3 {
			n.Inject(ohcetest.Datagram{From: netip.MustParseAddrPort("10.0.0.9:9999"),
				To: netip.MustParseAddrPort("10.0.0.1:3000")})
		}
		lost := <-deferred
		time.AfterFunc(time.Second, func() { (<-deferred).Send() })
		<-deferred // and do not end it
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown = %v, want the deadline", err)
		}
		if err := <-served; err != ohce.ErrServerClosed || time.Since(start) != 3*time.Second {
			t.Errorf("Serve = %v after %v, want ErrServerClosed after 3s", err, time.Since(start))
		}
		st := srv.Stats()
		checkStats(t, st, 0)
		if st.Answered != 1 || st.Dropped[ohce.DropUnsent] != 2 || st.WriteErrors["closed"] != 2 {
			t.Errorf("stats %v, want 1 answered and 2 unsent, closed", st)
		}
		if err := lost.Request.Context().Err(); err == nil {
			t.Error("the request's context is not done")
		}
		if err := lost.Send(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Send after the server's end: %v, want net.ErrClosed", err)
		}
		if again := srv.Stats(); again.String() != st.String() {
			t.Errorf("stats %v, want no change from %v", again, st)
		}
	})
}

// TestShutdownWaitsForDeferred checks that Shutdown waits for a Deferred that ends in time.
func TestShutdownWaitsForDeferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		deferred := make(chan *ohce.Deferred, 1)
		srv := &ohce.Server{Handler: deferAll(deferred)}
		listen(t, n, "10.0.0.1:3000", srv)
		c, err := n.Dial(t.Context(), "udp", "10.0.0.1:3000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.Write(nil)
		d := <-deferred
		time.AfterFunc(time.Minute, func() { d.Send() })
		if err := srv.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		buf := make([]byte, 10)
		if k, err := c.Read(buf); err != nil || string(buf[:k]) != "re: " {
			t.Errorf("the client received %q (%v)", buf[:k], err)
		}
	})
}

// TestDeferredSendError checks that Send returns the error with which the system refuses a
// datagram.
func TestDeferredSendError(t *testing.T) {
	deferred := make(chan *ohce.Deferred, 1)
	s := ohcetest.NewServer(deferAll(deferred))
	c := dial(t, s.Addr)
	c.Write([]byte("Hello"))
	d := <-deferred
	s.Config.Close()
	err := d.Send()
	if !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send on a closed socket: %v, want net.ErrClosed", err)
	}
	s.Close()
	if st := s.Config.Stats(); st.Dropped[ohce.DropUnsent] != 1 || st.WriteErrors["closed"] != 1 {
		t.Errorf("stats %v, want 1 unsent, closed", st)
	}
}

// TestDeferredWithoutServer checks that without a server, Send passes the response to the handler's
// writer.
func TestDeferredWithoutServer(t *testing.T) {
	var w ohce.ResponseWriter
	deferred := make(chan *ohce.Deferred, 1)
	deferAll(deferred).ServeUDP(&w, &ohce.Request{Data: []byte("Hello")})
	d := <-deferred
	if w.Defer(d.Request) != d {
		t.Error("a second Defer returned another Deferred")
	}
	d.Write(bytes.ToUpper(d.Request.Data))
	if err := d.Send(); err != nil {
		t.Error(err)
	}
	if got := string(w.Bytes()); got != "re: HELLO" || !w.Written() {
		t.Errorf("the response is %q, want %q", got, "re: HELLO")
	}
	if _, err := w.Write(nil); err == nil || !strings.Contains(err.Error(), "deferred") {
		t.Errorf("Write after Defer: %v, want an error", err)
	}
}
