package ohce_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/ohcetest"
)

// A countedConn is a socket that decrements open when it is closed for the first time.
type countedConn struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

func (c *countedConn) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// countSockets makes a client count its open sockets. It returns the highest count.
func countSockets(c *ohce.Client) (highest *atomic.Int64) {
	dial := c.Dial
	var open atomic.Int64
	highest = new(atomic.Int64)
	c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		for n := open.Add(1); ; {
			old := highest.Load()
			if n <= old || highest.CompareAndSwap(old, n) {
				return &countedConn{Conn: conn, open: &open}, nil
			}
		}
	}
	return highest
}

// TestStreamOpensSocketsAsNeeded checks that without a matcher a stream opens sockets up to
// MaxSockets, in the expected time.
func TestStreamOpensSocketsAsNeeded(t *testing.T) {
	n := testsize.Pick(10_000, 3000)
	for _, tt := range []struct {
		maxSockets int
		took       time.Duration
	}{
		{0, 4 * time.Second}, {40, 14 * time.Second}, {1, 7 * time.Minute},
	} {
		t.Run(fmt.Sprint(tt.maxSockets), func(t *testing.T) {
			inMemory(t, after(20*time.Millisecond), func(t *testing.T, c *ohce.Client) {
				c.Match, c.MaxSockets, c.Linger = nil, tt.maxSockets, -1
				highest := countSockets(c)
				begun := time.Now()
				if answered := runStream(t, c, n); answered != n {
					t.Errorf("%d of %d answered", answered, n)
				}
				took, limit := time.Since(begun), int64(tt.maxSockets)
				if limit == 0 {
					limit = 256
				}
				if took > tt.took || highest.Load() > limit || highest.Load() < limit {
					t.Errorf("took %v with %d sockets, want at most %v with %d", took, highest.Load(),
						tt.took, limit)
				}
				if st := c.Stats(); st.Attempts != uint64(n) {
					t.Errorf("%d attempts, want %d", st.Attempts, n)
				}
			})
		})
	}
}

// TestStreamCountsLateResponses checks that the socket of a request that has ended counts late
// responses.
func TestStreamCountsLateResponses(t *testing.T) {
	inMemory(t, after(120*time.Millisecond), func(t *testing.T, c *ohce.Client) {
		c.Match, c.Retry = nil, ohce.RetryAfter(200*time.Millisecond, 200*time.Millisecond)
		runStream(t, c, 10) // each is sent twice and answered twice
		time.Sleep(5 * time.Second)
		if st := c.Stats(); st.Duplicate != 10 || st.Attempts != 20 {
			t.Errorf("stats %+v, want 10 duplicates of 20 attempts", st)
		}
	})
}

// TestStreamFewDescriptors checks that a stream continues with the sockets it has when no
// descriptor is free.
func TestStreamFewDescriptors(t *testing.T) {
	inMemory(t, after(20*time.Millisecond), func(t *testing.T, c *ohce.Client) {
		c.Match, c.Linger = nil, -1
		dial := c.Dial
		var open atomic.Int64
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			if open.Add(1) > 20 {
				open.Add(-1)
				return nil, errNoDescriptors
			}
			conn, err := dial(ctx, network, address)
			return &countedConn{Conn: conn, open: &open}, err
		}
		const n = 2000
		if answered := runStream(t, c, n); answered != n {
			t.Errorf("%d of %d answered", answered, n)
		}
	})
}

// TestMatcherPanicClosesSockets checks that a panic in a function of the matcher closes the
// sockets.
func TestMatcherPanicClosesSockets(t *testing.T) {
	for name, send := range map[string]func(t *testing.T, c *ohce.Client){
		"exchange": func(t *testing.T, c *ohce.Client) { c.Exchange(t.Context(), []byte("abc")) },
		"stream": func(t *testing.T, c *ohce.Client) {
			for range c.Stream(t.Context(), numbered(1)) {
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
				c.Match = &ohce.Matcher{
					RequestKey:  func(dst, request []byte) []byte { return append(dst, request...) },
					ResponseKey: func(dst, response []byte) ([]byte, bool) { panic("parser") },
				}
				var open atomic.Int64
				dial := c.Dial
				c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					conn, err := dial(ctx, network, address)
					open.Add(1)
					return &countedConn{Conn: conn, open: &open}, err
				}
				func() {
					defer func() {
						if recover() != "parser" {
							t.Error("the panic did not reach the caller")
						}
					}()
					send(t, c)
				}()
				c.Close()
				if n := open.Load(); n != 0 {
					t.Errorf("%d sockets are open, want 0", n)
				}
			})
		})
	}
}

// TestStreamEndsWithFullInbox checks that readers of retired sockets that wait for room in the
// inbox close their sockets when the stream ends.
func TestStreamEndsWithFullInbox(t *testing.T) {
	t.Parallel() // it waits for most of its time
	s := ohcetest.NewServer(nil)
	defer s.Close()
	for round := range testsize.Pick(20, 5) {
		var open atomic.Int64
		c := &ohce.Client{Linger: time.Millisecond}
		c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, s.Addr)
			if err != nil {
				return nil, err
			}
			open.Add(1)
			return &countedConn{Conn: &endlessConn{Conn: conn}, open: &open}, nil
		}
		n := 0
		for range c.Stream(t.Context(), numbered(400)) {
			for begun := time.Now(); time.Since(begun) < 2*time.Millisecond; { // compute
			}
			if n++; n == 20 {
				break
			}
		}
		c.Close()
		if open.Load() != 0 {
			t.Fatalf("round %d: %d sockets are open", round, open.Load())
		}
	}
}

// An endlessConn repeats the first datagram that arrives, extended to 60,000 bytes, until the read
// deadline.
type endlessConn struct {
	net.Conn
	arrived  bool // used by Read only
	deadline atomic.Int64
	closed   atomic.Bool
}

func (c *endlessConn) Read(b []byte) (int, error) {
	switch at := c.deadline.Load(); {
	case c.closed.Load():
		return 0, net.ErrClosed
	case c.arrived && at != 0 && time.Now().UnixNano() >= at:
		return 0, os.ErrDeadlineExceeded
	case c.arrived:
		return copy(b, make([]byte, 60_000)), nil
	}
	n, err := c.Conn.Read(b)
	c.arrived = err == nil
	return n, err
}

func (c *endlessConn) SetReadDeadline(t time.Time) error {
	c.deadline.Store(t.UnixNano())
	return c.Conn.SetReadDeadline(t)
}

func (c *endlessConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// An addresslessConn is a connection without IP addresses.
type addresslessConn struct{ net.Conn }

func (addresslessConn) LocalAddr() net.Addr  { return &net.UnixAddr{Net: "unixgram"} }
func (addresslessConn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "/server", Net: "unixgram"} }

// TestDialWithoutAddresses checks that Dial may return a connection without IP addresses.
func TestDialWithoutAddresses(t *testing.T) {
	for _, match := range []*ohce.Matcher{nil, ohce.MatchExact(reversed)} {
		inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
			c.Match = match
			dial := c.Dial
			c.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				return addresslessConn{conn}, err
			}
			if answered := runStream(t, c, 10); answered != 10 {
				t.Errorf("%d of 10 answered", answered)
			}
		})
	}
}

// TestStreamResultsOwnedByCaller checks that a stream does not read a response that it has yielded
// when it replaces the request's socket. The race detector reports such a read.
func TestStreamResultsOwnedByCaller(t *testing.T) {
	inMemory(t, after(time.Millisecond), func(t *testing.T, c *ohce.Client) {
		key := func(dst []byte) []byte { return append(dst, 'k') } // the same for all
		c.MaxSockets = 2
		c.Match = &ohce.Matcher{
			RequestKey:  func(dst, _ []byte) []byte { return key(dst) },
			ResponseKey: func(dst, _ []byte) ([]byte, bool) { return key(dst), true },
		}
		requests := func(yield func([]byte) bool) {
			for i := range 20 {
				if !yield([]byte{'k', byte(i)}) {
					return
				}
				if i%2 == 1 {
					time.Sleep(50 * time.Millisecond) // in synctest time
				}
			}
		}
		for r, err := range c.Stream(t.Context(), requests) {
			if err != nil || r.Err != nil {
				t.Fatal(err, r.Err)
			}
			go clear(r.Response.Data)
		}
	})
}
