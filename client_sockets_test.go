package ohce_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce"
)

// A countedConn counts the sockets that are open.
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

// countSockets makes a client count its open sockets, and returns the highest count.
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

// TestStreamAdaptsItsSockets: without a matcher, a stream opens as many sockets as the network takes.
func TestStreamAdaptsItsSockets(t *testing.T) {
	const n = 10_000
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
				if answered := streamed(t, c, n); answered != n {
					t.Errorf("%d of %d answered", answered, n)
				}
				took, limit := time.Since(begun), int64(tt.maxSockets)
				if limit == 0 {
					limit = 256
				}
				if took > tt.took || highest.Load() > limit || highest.Load() < limit {
					t.Errorf("it took %v with %d sockets, want at most %v and %d", took, highest.Load(),
						tt.took, limit)
				}
				if st := c.Stats(); st.Attempts != n {
					t.Errorf("%d attempts, want %d", st.Attempts, n)
				}
			})
		})
	}
}

// TestStreamCountsLateResponsesOfItsSockets: the socket of a request that has ended counts what arrives late.
func TestStreamCountsLateResponsesOfItsSockets(t *testing.T) {
	inMemory(t, after(120*time.Millisecond), func(t *testing.T, c *ohce.Client) {
		c.Match, c.Retry = nil, ohce.RetryAfter(200*time.Millisecond, 200*time.Millisecond)
		streamed(t, c, 10) // each is sent twice and answered twice
		time.Sleep(5 * time.Second)
		if st := c.Stats(); st.Duplicate != 10 || st.Attempts != 20 {
			t.Errorf("stats %+v, want 10 duplicates of 20 attempts", st)
		}
	})
}

// TestStreamWithFewDescriptors: when the system has no more descriptors, a stream uses those it has.
func TestStreamWithFewDescriptors(t *testing.T) {
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
		if answered := streamed(t, c, n); answered != n {
			t.Errorf("%d of %d answered", answered, n)
		}
	})
}
