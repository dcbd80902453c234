package ohce_test

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/ohcetest"
)

// TestResponseOwnedByCaller checks that a caller that modifies a response does not change how
// duplicates are counted.
func TestResponseOwnedByCaller(t *testing.T) {
	script := steps(ohcetest.Then(ohcetest.Answer(), ohcetest.Delay(time.Millisecond)))
	onNetwork(t, script, func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, _ *traceLog) {
		r, err := c.Exchange(t.Context(), []byte("hello"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Data {
			r.Data[i] = 'x'
		}
		time.Sleep(time.Second) // in synctest time
		synctest.Wait()
		if st := c.Stats(); st.Duplicate != 1 || st.Late != 0 {
			t.Errorf("stats %+v, want 1 duplicate", st)
		}
	})
}

func TestCanceledExchangeLingers(t *testing.T) {
	for range 50 {
		onNetwork(t, steps(ohcetest.Delay(time.Millisecond)),
			func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, _ *traceLog) {
				ctx, cancel := context.WithCancel(t.Context())
				c.Trace = &ohce.ClientTrace{AttemptSent: func(ohce.TraceAttempt) { cancel() }}
				if _, err := c.Exchange(ctx, []byte("hello")); !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				time.Sleep(time.Second) // in synctest time
				synctest.Wait()
				if st := c.Stats(); st.Late != 1 {
					t.Errorf("stats %+v, want 1 late", st)
				}
			})
	}
}

func TestLingerTime(t *testing.T) {
	tests := []struct {
		name   string
		linger time.Duration
		after  time.Duration
		late   uint64
	}{
		{"default-within", 0, 1900 * time.Millisecond, 1},
		{"default-past", 0, 2100 * time.Millisecond, 0},
		{"longer", 5 * time.Second, 4900 * time.Millisecond, 1},
		{"none", -1, time.Millisecond, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onNetwork(t, steps(ohcetest.Then(ohcetest.Answer(), ohcetest.Delay(tt.after))),
				func(t *testing.T, c *ohce.Client, p *ohcetest.Peer, _ *traceLog) {
					c.Linger = tt.linger
					if _, err := c.Exchange(t.Context(), []byte("hello")); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute) // in synctest time
					synctest.Wait()
					if st := c.Stats(); st.Duplicate != tt.late {
						t.Errorf("%d duplicates counted, want %d", st.Duplicate, tt.late)
					}
				})
		})
	}
}

// TestMaxLingeringSockets checks that at most 64 sockets linger after any number of exchanges.
func TestMaxLingeringSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		n.NewPeer(peerAddr, upper)
		var open atomic.Int32
		c := &ohce.Client{Addr: peerAddr, Dial: func(ctx context.Context, network, addr string) (
			net.Conn, error) {
			conn, err := n.Dial(ctx, network, addr)
			open.Add(1)
			return &openCounter{Conn: conn, open: &open}, err
		}}
		for i := range 200 {
			if _, err := c.Exchange(t.Context(), []byte("hello")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if got, want := int(open.Load()), min(i+1, 64); got != want {
				t.Fatalf("%d sockets open after %d exchanges, want %d", got, i+1, want)
			}
		}
		c.Close()
		if got := open.Load(); got != 0 {
			t.Errorf("%d sockets open after Close, want 0", got)
		}
	})
}

// An openCounter is a socket that decrements open when it is closed.
type openCounter struct {
	net.Conn
	open *atomic.Int32
}

func (c *openCounter) Close() error { c.open.Add(-1); return c.Conn.Close() }

// TestWriteRepeatedAfterPortUnreachable checks that the client repeats a write that failed with the
// ICMP error of an earlier datagram. Such a write has sent nothing.
func TestWriteRepeatedAfterPortUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(ohcetest.Network)
		p := n.NewPeer(peerAddr, upper)
		c := &ohce.Client{Addr: peerAddr, Dial: func(ctx context.Context, network, addr string) (
			net.Conn, error) {
			conn, err := n.Dial(ctx, network, addr)
			return &refusingConn{Conn: conn}, err
		}}
		defer c.Close()
		r, err := c.Exchange(t.Context(), []byte("hello"))
		if err != nil || string(r.Data) != "HELLO" || r.Attempts != 1 || r.Elapsed != 0 {
			t.Errorf("%+v, %v; want the response to the first attempt without delay", r, err)
		}
		if st := c.Stats(); st.Attempts != 1 || st.PortUnreachable != 1 || len(p.Requests()) != 1 {
			t.Errorf("stats %+v, %d requests; want 1 attempt, 1 port unreachable, 1 request", st,
				len(p.Requests()))
		}
	})
}

// A refusingConn is a socket whose first Write fails with the ICMP error of an earlier datagram.
type refusingConn struct {
	net.Conn
	reported bool
}

func (c *refusingConn) Write(b []byte) (int, error) {
	if !c.reported {
		c.reported = true
		return 0, &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.ECONNREFUSED)}
	}
	return c.Conn.Write(b)
}
