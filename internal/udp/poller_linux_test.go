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

	"github.com/ohce/ohce/internal/testsize"
)

// readAll reads n datagrams.
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

// floodUntil sends and reads bursts until the socket has the descriptor for heavy load or, if heavy
// is false, for light load.
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
	t.Fatalf("the load did not change to heavy = %v", heavy)
}

// TestLoadReplacesDescriptor changes between light and heavy load, and checks that no datagram is
// lost and that Read still waits.
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
			send(t, cl, "datagram")
			if err := <-waiting; err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestFullReadUnregisters checks that, under heavy load, a full read unregisters the socket from
// its epoll instance, and that a read of an empty queue registers it again.
func TestFullReadUnregisters(t *testing.T) {
	c := open4(t).(*udpConn)
	floodUntil(t, c, true)
	cl := client(t, c.local)
	ms := makeMessages(MaxWidth, 64)
	c.width = fullRead
	sendNumbers(t, cl, 0, fullRead)
	readAll(t, c, ms, fullRead)
	if c.desc.Load().epoll.registered {
		t.Errorf("after a full read of %d datagrams, the socket is still registered", fullRead)
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

// TestEndUnblocksReadUnderAnyLoad checks that Close, Drain and Release unblock Read under light and
// heavy load, whether Read has blocked yet or not.
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
					t.Errorf("Read = %v, want net.ErrClosed", err)
				}
			})
		}
	}
}

// TestReplaceDescriptorConcurrently changes the load while other goroutines write and read the drop
// counter, and finally closes the socket.
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
		others.Go(func() { // ends when stop is closed or f fails
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
	for i := range testsize.Pick(100, 20) {
		c.load.heavy = i%2 == 0
		send(t, cl, "x")
		readAll(t, c, ms, 1)
		if got := c.desc.Load().epoll != nil; got != (i%2 == 0) {
			t.Fatalf("round %d: descriptor for heavy load: %v, want %v", i, got, !got)
		}
	}
	c.Close()
	close(stop)
	others.Wait()
}

// TestReplaceDescriptorLosesNothing changes the load at random while bursts of many sizes arrive.
func TestReplaceDescriptorLosesNothing(t *testing.T) {
	const rounds = 3000
	c := open4(t).(*udpConn)
	cl := client(t, c.local)
	sizes := rand.New(rand.NewPCG(1, 2))
	expected, got := make(chan int, 1), make(chan error, 1)
	go func() { // ends when expected is closed
		ms := makeMessages(MaxWidth, 64)
		for left := range expected {
			c.load.heavy = sizes.IntN(2) == 0
			var err error
			for n := 0; left > 0 && err == nil; left -= n {
				n, err = c.Read(ms)
			}
			got <- err
		}
	}()
	defer close(expected)
	for i := range rounds {
		n := 1 + i*7%(2*fullRead)
		expected <- n
		sendNumbers(t, cl, 0, n)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
}

// TestCloseClosesDescriptors checks that Close closes all descriptors that a socket has opened.
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
	open4(t).Close() // from now on, the descriptors of the runtime's poller are open
	before := descriptors()
	for i := range 10 {
		t.Run(fmt.Sprint(i), func(t *testing.T) { // cleanup closes the sockets
			floodUntil(t, open4(t).(*udpConn), i%2 == 0)
		})
	}
	if after := descriptors(); after != before {
		t.Errorf("%d descriptors are open, want the %d from before", after, before)
	}
}
