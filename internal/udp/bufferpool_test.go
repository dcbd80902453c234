package udp

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// readPooledN reads n datagrams and returns the buffers to the pool.
func readPooledN(t *testing.T, c Socket, l *BufferPool, n int) (got []string) {
	t.Helper()
	closeInTime(t, c)
	for len(got) < n {
		ms, err := c.ReadPooled(l)
		if err != nil {
			t.Fatal(err)
		}
		got = appendContents(got, ms)
		l.Put(ms)
	}
	return got
}

func TestReadPooled(t *testing.T) {
	forEachAddress(t, func(t *testing.T, c Socket, to netip.AddrPort) {
		var l BufferPool
		from := client(t, to)
		for round := range 3 {
			sendNumbers(t, from, 100*round, 100*round+100)
			if got := readPooledN(t, c, &l, 100); !slices.Equal(got, numbers(100*round, 100*round+100)) {
				t.Fatalf("round %d: got %q", round, got)
			}
		}
		if n := len(l.free); n != 1 {
			t.Errorf("pool has %d sets, want 1 for one reader", n)
		}
	})
}

// TestReadPooledUnblocks checks that Close and Drain unblock ReadPooled.
func TestReadPooledUnblocks(t *testing.T) {
	for _, end := range []struct {
		name string
		do   func(Socket) error
	}{{"close", Socket.Close}, {"drain", Socket.Drain}} {
		t.Run(end.name, func(t *testing.T) {
			var l BufferPool
			c := open4(t)
			closeInTime(t, c)
			ended := make(chan error)
			go func() {
				_, err := c.ReadPooled(&l)
				ended <- err
			}()
			if err := end.do(c); err != nil {
				t.Fatal(err)
			}
			if err := <-ended; !errors.Is(err, net.ErrClosed) {
				t.Errorf("ReadPooled = %v, want net.ErrClosed", err)
			}
		})
	}
}

// TestReadPooledReportsRefused checks that ReadPooled reports a port unreachable message.
func TestReadPooledReportsRefused(t *testing.T) {
	socket, err := Dial(t.Context(), closedAddr(t).String())
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	closeInTime(t, c)
	if _, err := c.Write([]Message{{Buf: []byte("unreachable")}}); err != nil {
		t.Fatal(err)
	}
	var l BufferPool
	if _, err := c.ReadPooled(&l); !Refused(err) {
		t.Errorf("ReadPooled = %v, want an error for which Refused is true", err)
	}
}

// TestBufferPoolIsLimited checks that the free buffers have at most maxPooled bytes.
func TestBufferPoolIsLimited(t *testing.T) {
	var pool BufferPool
	var out [][]Message
	for taken := 0; taken < 4*maxPooled; {
		ms := pool.get(1, 0)
		taken += cap(ms[0].Buf)
		out = append(out, ms)
	}
	for round := range 2 {
		for _, ms := range out {
			pool.Put(ms)
		}
		kept := 0
		for _, ms := range pool.free {
			kept += setBytes(ms)
		}
		if kept > maxPooled || kept < maxPooled/2 || kept != pool.freeBytes {
			t.Errorf("round %d: the free buffers have %d bytes, want at most %d", round, kept,
				maxPooled)
		}
		for i := range out {
			out[i] = pool.get(1, 0)
		}
	}
}

// TestBufferPoolLimitsSetsInUse checks that at most maxInUse of many readers have buffers at a
// time.
func TestBufferPoolLimitsSetsInUse(t *testing.T) {
	var pool BufferPool
	var readers sync.WaitGroup
	var inUse, maxSeen atomic.Int64
	for range 10 * maxInUse {
		readers.Go(func() {
			ms := pool.get(MaxWidth, 0)
			n := inUse.Add(1)
			for old := maxSeen.Load(); n > old && !maxSeen.CompareAndSwap(old, n); old = maxSeen.Load() {
			}
			runtime.Gosched() // let other readers call get
			inUse.Add(-1)
			pool.Put(ms[:1]) // as if one message had been read
		})
	}
	readers.Wait()
	if maxSeen.Load() > maxInUse || pool.inUse != 0 || pool.freeBytes > maxPooled {
		t.Errorf("at most %d sets were in use, %d at the end, %d bytes free; want at most %d, 0 and %d",
			maxSeen.Load(), pool.inUse, pool.freeBytes, maxInUse, maxPooled)
	}
}
