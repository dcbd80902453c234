//go:build unix

package ohce_test

import (
	"context"
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/ohcetest"
)

// inherit returns sockets for the files, as a successor process has them.
func inherit(t *testing.T, files []*os.File) (conns []net.PacketConn) {
	t.Helper()
	for _, f := range files {
		pc, err := net.FilePacketConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, pc)
	}
	return conns
}

// TestReleaseLosesNothing replaces a server under a stream of requests. Each request must be
// answered once, by one of the two servers.
func TestReleaseLosesNothing(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(strconv.Itoa(shards)+" shards", func(t *testing.T) {
			first := &ohce.Server{Shards: shards, Guard: guard.Guards{}}
			if err := first.Listen("127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			addr := first.Addrs()[0]
			firstServed, secondServed := make(chan error, 1), make(chan error, 1)
			go func() { firstServed <- first.Serve() }()

			const n = 2000
			responses := countResponses(t, dial(t, addr.String()), n)
			files, err := first.Files()
			if err != nil {
				t.Fatal(err)
			}
			second := &ohce.Server{Guard: guard.Guards{}}
			if err := second.Adopt(inherit(t, files)...); err != nil {
				t.Fatal(err)
			}
			if got := second.Addrs(); len(got) != 1 || got[0] != addr {
				t.Errorf("the successor has the addresses %v, want %v", got, addr)
			}
			if err := first.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-firstServed; !errors.Is(err, ohce.ErrServerClosed) {
				t.Errorf("Serve = %v, want ErrServerClosed", err)
			}
			go func() { secondServed <- second.Serve() }()
			for i, k := range responses() {
				if k != 1 {
					t.Errorf("request %d has %d responses, want 1", i, k)
				}
			}
			second.Close()
			<-secondServed
			a, b := first.Stats(), second.Stats()
			if sum := a.Answered + b.Answered; sum != n || a.Received+b.Received != n || a.InFlight != 0 {
				t.Errorf("the servers counted %v and %v, want %d requests in total", a, b, n)
			}
		})
	}
}

// countResponses sends n numbered requests with a window of 100. The function that it returns waits
// for the responses and returns their number for each request.
func countResponses(t *testing.T, c net.Conn, n int) func() []int {
	window := make(chan struct{}, 100)
	counts := make([]int, n)
	failed, ended := make(chan error, 1), make(chan struct{})
	go func() { // ends after n responses, or at the deadline of c
		defer close(failed)
		defer close(ended)
		buf := make([]byte, 100)
		for range n {
			k, err := c.Read(buf)
			if err != nil {
				failed <- err
				return
			}
			i, _ := strconv.Atoi(string(buf[:k]))
			counts[i]++
			<-window
		}
	}()
	started := make(chan struct{})
	var sending sync.WaitGroup
	sending.Go(func() {
		for i := range n {
			if i == n/4 {
				close(started)
			}
			select {
			case window <- struct{}{}:
				c.Write([]byte(strconv.Itoa(i)))
			case <-ended:
				return
			}
		}
	})
	<-started
	return func() []int {
		sending.Wait()
		if err := <-failed; err != nil {
			t.Error("not all requests have responses:", err)
		}
		return counts
	}
}

// TestReleaseSendsDeferredResponses checks that Release waits for a deferred response.
func TestReleaseSendsDeferredResponses(t *testing.T) {
	deferred := make(chan *ohce.Deferred, 1)
	srv := &ohce.Server{Handler: deferAll(deferred)}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	served, released := make(chan error, 1), make(chan error, 1)
	go func() { served <- srv.Serve() }()
	c := dial(t, srv.Addrs()[0].String())
	if _, err := c.Write([]byte("Hello")); err != nil {
		t.Fatal(err)
	}
	d := <-deferred
	go func() { released <- srv.Release(context.Background()) }()
	select {
	case err := <-released:
		t.Fatalf("Release returned %v before the response was sent", err)
	case err := <-served:
		t.Fatalf("Serve returned %v before the response was sent", err)
	default:
	}
	d.Write([]byte("Hello"))
	if err := d.Send(); err != nil {
		t.Error("Send:", err)
	}
	if err := <-released; err != nil {
		t.Error("Release:", err)
	}
	<-served
	buf := make([]byte, 100)
	if n, err := c.Read(buf); err != nil || string(buf[:n]) != "re: Hello" {
		t.Errorf("response %q, %v, want the deferred one", buf[:n], err)
	}
}

// TestReleaseEndsWithContext checks that Release closes the server when its context is done.
func TestReleaseEndsWithContext(t *testing.T) {
	deferred := make(chan *ohce.Deferred, 1)
	srv := &ohce.Server{Handler: deferAll(deferred)}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	dial(t, srv.Addrs()[0].String()).Write([]byte("Hello"))
	<-deferred
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := srv.Release(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Release = %v, want context.Canceled", err)
	}
	<-served
	if s := srv.Stats(); s.Dropped[ohce.DropUnsent] != 1 {
		t.Errorf("counted %v, want one drop as unsent", s)
	}
}

// TestReleaseBeforeServe checks that Release closes the sockets of a server that does not serve.
func TestReleaseBeforeServe(t *testing.T) {
	srv := &ohce.Server{}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	addr := srv.Addrs()[0].String()
	if err := srv.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal("the address is still bound:", err)
	}
	pc.Close()
	if _, err := srv.Files(); !errors.Is(err, ohce.ErrServerClosed) {
		t.Errorf("Files = %v, want ErrServerClosed", err)
	}
}

// TestFilesOfMemory checks that a socket without a descriptor is reported.
func TestFilesOfMemory(t *testing.T) {
	network := &ohcetest.Network{}
	pc, err := network.ListenPacket("10.0.0.1:3000")
	if err != nil {
		t.Fatal(err)
	}
	srv := &ohce.Server{}
	if err := srv.Adopt(pc); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if _, err := srv.Files(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Files = %v, want errors.ErrUnsupported", err)
	}
}
