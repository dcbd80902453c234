//go:build !ohce_portable

package udp

import (
	"math/rand/v2"
	"os"
	"testing"
)

// TestWatchLooksAway: a full batch takes the socket out of every poller, an empty queue puts it back.
func TestWatchLooksAway(t *testing.T) {
	c := open4(t).(*udpConn)
	cl := client(t, c.local)
	ms := slots(MaxWidth, 64)
	read := func(want int) {
		t.Helper()
		sendNumbers(t, cl, 0, want)
		for got := 0; got < want; {
			n, err := c.Read(ms)
			if err != nil {
				t.Fatal(err)
			}
			got += n
		}
	}
	c.width = busy
	read(busy)
	if c.watch.on {
		t.Errorf("after a full batch of %d the socket is still watched", busy)
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
	read(1)
}

// TestWatchMissesNothing: bursts of all sizes, each sent when the one before it has been read, so that
// the watch goes on and off while datagrams come.
func TestWatchMissesNothing(t *testing.T) {
	const rounds = 3000
	c := open4(t).(*udpConn)
	cl := client(t, c.local)
	sizes := rand.New(rand.NewPCG(1, 2))
	asked, got := make(chan int, 1), make(chan error, 1)
	go func() {
		ms := slots(MaxWidth, 64)
		for left := range asked {
			var err error
			for n := 0; left > 0 && err == nil; left -= n {
				n, err = c.Read(ms)
			}
			got <- err
		}
	}()
	defer close(asked)
	for range rounds {
		n := 1 + sizes.IntN(2*busy)
		asked <- n
		sendNumbers(t, cl, 0, n)
		if err := <-got; err != nil {
			t.Fatal(err)
		}
	}
}

// TestCloseLeavesNoDescriptor: opening and closing a socket leaves as many files open as before.
func TestCloseLeavesNoDescriptor(t *testing.T) {
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
	for range 10 {
		open4(t).Close()
	}
	if after := descriptors(); after != before {
		t.Errorf("%d files open, %d before", after, before)
	}
}
