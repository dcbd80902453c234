//go:build !ohce_portable

package udp

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
)

// readAll reads until n datagrams have arrived.
func readAll(t *testing.T, c Socket, ms []Message, n int) {
	t.Helper()
	for got := 0; got < n; {
		k, err := c.Read(ms)
		if err != nil {
			t.Fatal(err)
		}
		for i := range ms[:k] {
			got += ms[i].Count()
		}
	}
}

// floodUntil sends bursts and reads them until the way of waiting is the one of heavy load, or of
// light.
func floodUntil(t *testing.T, c *udpConn, heavy bool) {
	t.Helper()
	cl := client(t, c.local)
	ms := makeMessages(MaxWidth, 1<<16)
	burst := 1
	if heavy {
		burst = 200
	}
	for range 10 * lightReads {
		if (c.desc.Load().epoll != nil) == heavy {
			return
		}
		sendNumbers(t, cl, 0, burst)
		readAll(t, c, ms, burst)
	}
	t.Fatalf("the load does not become heavy: %v", heavy)
}

// TestLoadReplacesDescriptor: full reads in a row take the socket out of the runtime's poller, and
// small ones put it back. Meanwhile no datagram is lost, and Read waits in either way.
func TestLoadReplacesDescriptor(t *testing.T) {
	c := open4(t).(*udpConn)
	cl := client(t, c.local)
	ms := makeMessages(MaxWidth, 1<<16)
	for range 3 {
		for _, heavy := range []bool{true, false} {
			floodUntil(t, c, heavy)
			waiting := make(chan error, 1)
			go func() {
				_, err := c.Read(ms)
				waiting <- err
			}()
			send(t, cl, "wake up")
			if err := <-waiting; err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFullReadUnregisters: under heavy load a full read ends the watching, and an empty queue
// begins it.
func TestFullReadUnregisters(t *testing.T) {
	c := open4(t).(*udpConn)
	floodUntil(t, c, true)
	cl := client(t, c.local)
	ms := makeMessages(MaxWidth, 64)
	c.width = fullRead
	sendNumbers(t, cl, 0, fullRead)
	readAll(t, c, ms, fullRead)
	if c.desc.Load().epoll.registered {
		t.Errorf("after a full read of %d the socket is still watched", fullRead)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Read(ms)
		waiting <- err
	}()
	sendNumbers(t, cl, 0, 1)
	if err := <-waiting; err != nil {
		t.Fatal(err)
	}
}

// TestEndUnblocksReadUnderAnyLoad: Close, Drain and Release wake a Read that waits in either way,
// whether they come before or after it.
func TestEndUnblocksReadUnderAnyLoad(t *testing.T) {
	for _, heavy := range []bool{false, true} {
		for _, end := range []struct {
			name string
			do   func(Socket) error
		}{{"close", Socket.Close}, {"drain", Socket.Drain}, {"release", Socket.Release}} {
			t.Run(fmt.Sprintf("heavy=%v/%s", heavy, end.name), func(t *testing.T) {
				c := open4(t).(*udpConn)
				floodUntil(t, c, heavy)
				started, result := make(chan struct{}), make(chan error, 1)
				go func() {
					close(started)
					_, err := c.Read(makeMessages(4, 16))
					result <- err
				}()
				<-started
				if err := end.do(c); err != nil {
					t.Fatal(err)
				}
				if err := <-result; !errors.Is(err, net.ErrClosed) {
					t.Errorf("Read ended with %v, want net.ErrClosed", err)
				}
			})
		}
	}
}

// TestReplaceDescriptorConcurrently changes the way of waiting while others write, ask for drops,
// and at last close.
func TestReplaceDescriptorConcurrently(t *testing.T) {
	c := open4(t).(*udpConn)
	sink := open4(t)
	var others sync.WaitGroup
	stop := make(chan struct{})
	for _, f := range []func() error{
		func() error {
			_, err := c.Write([]Message{{Buf: []byte("x"), Peer: sink.LocalAddr()}})
			return err
		},
		func() error { c.KernelDropped(); return nil },
	} {
		others.Go(func() { // ends with stop, or with an error
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := f(); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
					return
				}
			}
		})
	}
	ms := makeMessages(MaxWidth, 16)
	cl := client(t, c.local)
	for i := range 100 {
		c.load.heavy = i%2 == 0
		send(t, cl, "x")
		readAll(t, c, ms, 1)
		if got := c.desc.Load().epoll != nil; got != (i%2 == 0) {
			t.Fatalf("round %d: waits as under heavy load: %v", i, got)
		}
	}
	c.Close()
	close(stop)
	others.Wait()
}

// TestReplaceDescriptorLosesNothing: bursts of all sizes, each sent when the one before has been
// read, so that the way of waiting changes while datagrams arrive.
func TestReplaceDescriptorLosesNothing(t *testing.T) {
	const rounds = 3000
	c := open4(t).(*udpConn)
	cl := client(t, c.local)
	sizes := rand.New(rand.NewPCG(1, 2))
	asked, got := make(chan int, 1), make(chan error, 1)
	go func() { // ends with asked
		ms := makeMessages(MaxWidth, 64)
		for left := range asked {
			c.load.heavy = sizes.IntN(2) == 0
			var err error
			for n := 0; left > 0 && err == nil; left -= n {
				n, err = c.Read(ms)
			}
			got <- err
		}
	}()
	defer close(asked)
	for i := range rounds {
		n := 1 + i*7%(2*fullRead)
		asked <- n
		sendNumbers(t, cl, 0, n)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
}

// TestCloseClosesDescriptors: opening and closing a socket leaves as many files open as before.
func TestCloseClosesDescriptors(t *testing.T) {
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
		return len(all)
	}
	open4(t).Close() // the runtime's own are open from here on
	before := descriptors()
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) { // its end closes all
			floodUntil(t, open4(t).(*udpConn), i%2 == 0)
		})
	}
	if after := descriptors(); after != before {
		t.Errorf("%d files open, %d before", after, before)
	}
}
