package ohce

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/udp"
)

var (
	fakeAddr = netip.MustParseAddrPort("192.0.2.1:3000")
	fakePeer = netip.MustParseAddrPort("192.0.2.2:40000")
)

// A fakeConn is a udp.Socket with a script. Each Read returns the next step.
type fakeConn struct {
	udp.Socket // nil: other methods panic

	script  chan step
	done    chan struct{} // closed by the Read after the last step
	end     sync.Once
	closed  chan struct{}
	once    sync.Once
	refuse  func(m *udp.Message) error // nil refuses nothing
	capped  string
	writing atomic.Int32
	overlap atomic.Bool // two Writes at once

	mu     sync.Mutex
	sent   []string
	writes []int // the bytes of each Write
}

type step struct {
	ms  []udp.Message
	err error
}

func newFakeConn(steps ...step) *fakeConn {
	c := &fakeConn{
		script: make(chan step, len(steps)), done: make(chan struct{}), closed: make(chan struct{}),
	}
	for _, s := range steps {
		c.script <- s
	}
	return c
}

func (c *fakeConn) Read(ms []udp.Message) (int, error) {
	if len(c.script) == 0 {
		c.end.Do(func() { close(c.done) })
	}
	select {
	case s := <-c.script:
		return copy(ms, s.ms), s.err
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *fakeConn) Write(ms []udp.Message) (int, error) {
	if c.writing.Add(1) > 1 {
		c.overlap.Store(true)
	}
	defer c.writing.Add(-1)
	runtime.Gosched() // let another Write overlap
	size := 0
	for i := range ms {
		size += len(ms[i].Buf)
	}
	c.mu.Lock()
	c.writes = append(c.writes, size)
	c.mu.Unlock()
	for i := range ms {
		if c.refuse != nil {
			if err := c.refuse(&ms[i]); err != nil {
				return i, err
			}
		}
		c.mu.Lock()
		c.sent = append(c.sent, fmt.Sprintf("%s/%d", ms[i].Buf, ms[i].Segment))
		c.mu.Unlock()
	}
	return len(ms), nil
}

func (c *fakeConn) Width() int                { return 64 }
func (c *fakeConn) MinReadBuffer() int        { return 0 }
func (c *fakeConn) MaxSegments(size int) int  { return 64 }
func (c *fakeConn) BusyPoll(time.Duration)    {}
func (c *fakeConn) BufferWarning() string     { return c.capped }
func (c *fakeConn) LocalAddr() netip.AddrPort { return fakeAddr }
func (c *fakeConn) KernelDropped() uint64     { return 0 }
func (c *fakeConn) Drain() error              { return c.Close() }
func (c *fakeConn) Release() error            { return c.Close() }
func (c *fakeConn) File() (*os.File, error)   { return nil, errors.ErrUnsupported }
func (c *fakeConn) Close() error              { c.once.Do(func() { close(c.closed) }); return nil }

// requests returns datagrams from one peer.
func requests(texts ...string) (ms []udp.Message) {
	for _, text := range texts {
		ms = append(ms, udp.Message{Buf: []byte(text), Peer: fakePeer})
	}
	return ms
}

// serveFake serves c until f returns, and returns the error of Serve.
func serveFake(t *testing.T, s *Server, c *fakeConn, f func()) error {
	t.Helper()
	s.listeners = append(s.listeners, listener{fakeAddr, []udp.Socket{c}})
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	f()
	s.Close()
	return <-served
}

// TestWriteErrorAffectsOneDatagram checks that a datagram that the system refuses in the middle of
// a batch is the only one lost.
func TestWriteErrorAffectsOneDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeConn(step{ms: requests("a", "bad", "b", "big", "bad", "c")})
		c.refuse = func(m *udp.Message) error {
			switch string(m.Buf) {
			case "bad":
				return os.NewSyscallError("sendmmsg", syscall.EPERM)
			case "big":
				return os.NewSyscallError("sendmmsg", syscall.EMSGSIZE)
			}
			return nil
		}
		s := new(Server)
		serveFake(t, s, c, synctest.Wait)
		if want := []string{"a/0", "b/0", "c/0"}; !slices.Equal(c.sent, want) {
			t.Errorf("sent %q, want %q", c.sent, want)
		}
		st := s.Stats()
		if st.Answered != 3 || st.Dropped[DropUnsent] != 2 || st.Dropped[DropTooLarge] != 1 ||
			st.WriteErrors["EPERM"] != 2 || st.InFlight != 0 || st.Received != 6 {
			t.Errorf("stats %+v, want 3 answered, 2 unsent (EPERM), 1 too large", st)
		}
		if sh := s.ShardStats()[0]; sh.RequestBytes != 12 || sh.ResponseBytes != 3 {
			t.Errorf("%d bytes received and %d sent, want 12 and 3", sh.RequestBytes, sh.ResponseBytes)
		}
	})
}

// TestTruncatedDatagram checks that a truncated datagram is dropped as oversize, even if the system
// does not report its sender.
func TestTruncatedDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := udp.Message{Buf: []byte("the begin"), Truncated: true}
		c := newFakeConn(step{ms: append([]udp.Message{cut}, requests("whole")...)})
		s := new(Server)
		serveFake(t, s, c, synctest.Wait)
		st := s.Stats()
		if st.Dropped[DropOversize] != 1 || st.Answered != 1 || st.Received != 2 || len(c.sent) != 1 {
			t.Errorf("stats %+v, sent %q; want 1 dropped as oversize and 1 answered", st, c.sent)
		}
	})
}

// TestRefusedSegmentsSentSeparately checks that if the system refuses a message with segments, the
// server sends its datagrams one by one.
func TestRefusedSegmentsSentSeparately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := udp.Message{Buf: []byte("aabbccd"), Segment: 2, Peer: fakePeer}
		c := newFakeConn(step{ms: append([]udp.Message{run}, requests("behind")...)})
		c.refuse = func(m *udp.Message) error {
			if m.Segment > 0 || string(m.Buf) == "bb" {
				return os.NewSyscallError("sendmmsg", syscall.EIO)
			}
			return nil
		}
		s := new(Server)
		serveFake(t, s, c, synctest.Wait)
		if want := []string{"aa/0", "cc/0", "d/0", "behind/0"}; !slices.Equal(c.sent, want) {
			t.Errorf("sent %q, want %q", c.sent, want)
		}
		st := s.Stats()
		if st.Received != 5 || st.Answered != 4 || st.Dropped[DropUnsent] != 1 || st.InFlight != 0 {
			t.Errorf("stats %+v, want 5 received, 4 answered, 1 unsent", st)
		}
		if sh := s.ShardStats()[0]; sh.RequestBytes != 13 || sh.ResponseBytes != 11 {
			t.Errorf("%d bytes received and %d sent, want 13 and 11", sh.RequestBytes, sh.ResponseBytes)
		}
	})
}

func TestReadErrors(t *testing.T) {
	transient := step{err: os.NewSyscallError("recvmmsg", syscall.ENOBUFS)}
	t.Run("transient", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			steps := slices.Repeat([]step{transient}, 20)
			steps = append(steps, step{ms: requests("still here")})
			c := newFakeConn(steps...)
			s := new(Server)
			start := time.Now()
			err := serveFake(t, s, c, func() { time.Sleep(time.Minute) }) // in synctest time
			if !errors.Is(err, ErrServerClosed) || s.Stats().ReadErrors != 20 || len(c.sent) != 1 {
				t.Errorf("%v, %+v, sent %q; want 20 read errors and then an answer", err, s.Stats(), c.sent)
			}
			if d := time.Since(start); d != time.Minute {
				t.Errorf("Close took %v", d-time.Minute)
			}
		})
	})
	t.Run("again-and-again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newFakeConn(slices.Repeat([]step{transient}, 1000)...)
			s := new(Server)
			serveFake(t, s, c, func() { time.Sleep(time.Minute) })
			// 16 at once, then waits of 2 ms doubling to a second.
			if n := s.Stats().ReadErrors; n < 60 || n > 100 {
				t.Errorf("%d reads in a minute of errors, want about one a second", n)
			}
		})
	})
	t.Run("fatal", func(t *testing.T) {
		c := newFakeConn(step{err: os.NewSyscallError("recvmmsg", syscall.EBADF)})
		err := serveFake(t, new(Server), c, func() { <-c.closed })
		var op *OpError
		if !errors.As(err, &op) || op.Op != "serve" || !errors.Is(err, syscall.EBADF) {
			t.Errorf("Serve = %v, want the error of the socket", err)
		}
	})
	t.Run("closed-by-its-owner", func(t *testing.T) {
		c := newFakeConn(step{err: net.ErrClosed})
		err := serveFake(t, new(Server), c, func() { <-c.closed })
		if errors.Is(err, ErrServerClosed) && err == ErrServerClosed || !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve = %v, want an error that is not ErrServerClosed", err)
		}
	})
}

// TestWritesDoNotOverlap checks that the loop and deferred responses write to the socket one at a
// time.
func TestWritesDoNotOverlap(t *testing.T) {
	var steps []step
	for range 200 {
		steps = append(steps, step{ms: requests("now", "later", "now", "later")})
	}
	c := newFakeConn(steps...)
	echoes := HandlerFunc(echo)
	later := Concurrent(echoes, 4)
	s := &Server{Guard: guard.Guards{}, Handler: HandlerFunc(func(w *ResponseWriter, r *Request) {
		if string(r.Data) == "later" {
			later.ServeUDP(w, r)
			return
		}
		echo(w, r)
	})}
	serveFake(t, s, c, func() { <-c.done })
	if c.overlap.Load() {
		t.Error("two Writes ran at once")
	}
	if st := s.Stats(); st.Received != st.Answered+st.Dropped.Total() || st.InFlight != 0 {
		t.Errorf("stats %+v do not add up", st)
	}
}

// TestGoexitInConcurrentHandler checks that a Concurrent handler that calls runtime.Goexit loses
// only its own request.
func TestGoexitInConcurrentHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeConn(step{ms: requests("exit", "one", "two")})
		s := &Server{
			ErrorLog: slog.New(slog.DiscardHandler),
			Handler: Concurrent(HandlerFunc(func(w *ResponseWriter, r *Request) {
				if string(r.Data) == "exit" {
					runtime.Goexit()
				}
				echo(w, r)
			}), 1),
		}
		err := serveFake(t, s, c, synctest.Wait)
		if want := []string{"one/0", "two/0"}; err != ErrServerClosed || !slices.Equal(c.sent, want) {
			t.Errorf("%v, sent %q, want %q", err, c.sent, want)
		}
		if st := s.Stats(); st.Dropped[DropPanic] != 1 || st.Answered != 2 || st.InFlight != 0 {
			t.Errorf("stats %+v, want 2 answered and 1 dropped as panic", st)
		}
	})
}

// TestGoexitOnShard checks that a handler that calls runtime.Goexit on the goroutine of its shard
// ends the server and leaves no request in flight.
func TestGoexitOnShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeConn(step{ms: requests("one", "exit", "two")})
		s := &Server{
			ErrorLog: slog.New(slog.DiscardHandler),
			Handler: HandlerFunc(func(w *ResponseWriter, r *Request) {
				if string(r.Data) == "exit" {
					runtime.Goexit()
				}
				echo(w, r)
			}),
		}
		if err := serveFake(t, s, c, synctest.Wait); !errors.Is(err, errGoexit) {
			t.Errorf("Serve = %v, want %v", err, errGoexit)
		}
		if st := s.Stats(); st.Received != 3 || st.Dropped[DropPanic] != 3 || st.InFlight != 0 {
			t.Errorf("stats %v, want the batch of 3 dropped as panic", st)
		}
	})
}

// TestCloseDropsQueuedRequests checks that Close drops the requests in the queue of a Concurrent
// handler.
func TestCloseDropsQueuedRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeConn(step{ms: requests("first", "second", "third")})
		calls := 0
		s := &Server{Handler: Concurrent(HandlerFunc(func(w *ResponseWriter, r *Request) {
			calls++
			<-r.Context().Done()
		}), 1)}
		serveFake(t, s, c, synctest.Wait)
		if st := s.Stats(); calls != 1 || st.Dropped[DropBusy] != 2 || st.Dropped[DropSilent] != 1 ||
			st.InFlight != 0 {
			t.Errorf("%d calls, stats %+v; want 1 call, 2 busy, 1 silent", calls, st)
		}
	})
}

// TestServerDefaultShards checks that the default is one shard, even with several CPUs, because a
// handler need not be safe for concurrent use.
func TestServerDefaultShards(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8))
	srv := new(Server)
	defer srv.Close()
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if n := len(srv.listeners[0].conns); n != 1 {
		t.Errorf("the address has %d sockets, want 1", n)
	}
}

// TestServeStartErrorClosesSockets checks that a server that cannot start closes all its sockets.
func TestServeStartErrorClosesSockets(t *testing.T) {
	open := func(t *testing.T) net.PacketConn {
		t.Helper()
		pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return pc
	}
	isFree := func(t *testing.T, addr net.Addr) {
		t.Helper()
		pc, err := net.ListenPacket("udp4", addr.String())
		if err != nil {
			t.Errorf("%v is still bound: %v", addr, err)
			return
		}
		pc.Close()
	}
	t.Run("bad-field", func(t *testing.T) {
		pc := open(t)
		if err := (&Server{BufferSize: -1}).Serve(pc); err == nil {
			t.Error("no error")
		}
		isFree(t, pc.LocalAddr())
	})
	t.Run("bad-conn", func(t *testing.T) {
		good, bad := open(t), open(t)
		s := new(Server)
		if err := s.Serve(good, unixAddrConn{bad}); err == nil || len(s.Addrs()) != 0 {
			t.Errorf("%v, serving %v; want an error and nothing", err, s.Addrs())
		}
		isFree(t, good.LocalAddr())
		isFree(t, bad.LocalAddr())
	})
	t.Run("closed", func(t *testing.T) {
		s := &Server{Addr: "127.0.0.1:0"}
		s.Close()
		if err := s.ListenAndServe(); err != ErrServerClosed || len(s.Addrs()) != 0 {
			t.Errorf("%v, bound to %v; want ErrServerClosed and nothing", err, s.Addrs())
		}
	})
}

// A unixAddrConn is a socket whose address is not an IP address.
type unixAddrConn struct{ net.PacketConn }

func (unixAddrConn) LocalAddr() net.Addr { return &net.UnixAddr{Name: "@", Net: "unixgram"} }

// TestServerSmallBufferWarning checks that the server logs one warning, even if several sockets
// have small buffers.
func TestServerSmallBufferWarning(t *testing.T) {
	var log strings.Builder
	srv := &Server{ErrorLog: slog.New(slog.NewTextHandler(&log, nil))}
	small := newFakeConn()
	small.capped = "raise net.core.rmem_max"
	var l listener
	for _, c := range []*fakeConn{newFakeConn(), small, small} {
		l.conns = append(l.conns, c)
		c.Close() // Serve ends at once
	}
	if err := srv.addListeners(l); err != nil {
		t.Fatal(err)
	}
	srv.Serve()
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, small.capped) {
		t.Errorf("the log is %q, want one warning about %q", got, small.capped)
	}
}
