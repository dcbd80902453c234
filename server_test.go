package ohce_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/ohcetest"
)

// testTimeout is the maximum wait for an event on real sockets.
const testTimeout = 10 * time.Second

// dial connects a UDP socket to addr. Its reads fail after testTimeout.
func dial(t testing.TB, addr string) *net.UDPConn {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(testTimeout))
	return c.(*net.UDPConn)
}

// roundTrip sends a request and returns the next datagram received.
func roundTrip(t testing.TB, c net.Conn, request []byte) []byte {
	t.Helper()
	if _, err := c.Write(request); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<16)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// serve serves the addresses of srv and conns. At the end of the test it shuts srv down and checks
// its counters.
func serve(t testing.TB, srv *ohce.Server, conns ...net.PacketConn) {
	t.Helper()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(conns...) }()
	t.Cleanup(func() {
		if err := srv.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, ohce.ErrServerClosed) {
			t.Errorf("Serve = %v, want ErrServerClosed", err)
		}
		checkStats(t, srv.Stats(), 0)
	})
}

// checkStats checks that the counters add up, and that inFlight datagrams are in flight.
func checkStats(t testing.TB, s ohce.ServerStats, inFlight uint64) {
	t.Helper()
	if sum := s.Answered + s.Dropped.Total() + s.InFlight; s.Received != sum {
		t.Errorf("received %d, but answered + dropped + in flight = %d: %+v", s.Received, sum, s)
	}
	if s.InFlight != inFlight {
		t.Errorf("%d in flight, want %d: %+v", s.InFlight, inFlight, s)
	}
}

// haveIPv6 skips the test if the machine has no IPv6 loopback. In CI it fails the test.
func haveIPv6(t testing.TB) {
	t.Helper()
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err == nil {
		c.Close()
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no IPv6 loopback: %v", err)
	}
	t.Skipf("no IPv6 loopback: %v", err)
}

func TestServerAnswersEverySize(t *testing.T) {
	s := ohcetest.NewServer(nil)
	c := dial(t, s.Addr)
	for _, size := range []int{0, 1, 2, 511, 1200, 1472, 1473, 9000, 65_000, 65_507} {
		request := bytes.Repeat([]byte{'a', 0, 0xff}, size/3+1)[:size]
		if got := roundTrip(t, c, request); !bytes.Equal(got, request) {
			t.Errorf("%d bytes: the echo has %d bytes or other content", size, len(got))
		}
	}
	s.Close() // a response can arrive before it is counted
	if st := s.Config.Stats(); st.Received != 10 || st.Answered != 10 {
		t.Errorf("stats %+v, want 10 received and answered", st)
	}
}

func TestServerSeveralAddresses(t *testing.T) {
	haveIPv6(t)
	srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		fmt.Fprint(w, r.LocalAddr)
	})}
	for _, addr := range []string{"127.0.0.1:0", "127.0.0.2:0", "[::1]:0", "localhost:0"} {
		if err := srv.Listen(addr); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, srv)
	for _, addr := range srv.Addrs() {
		if addr.Port() == 0 {
			t.Fatalf("address %v has no port", addr)
		}
		if got := string(roundTrip(t, dial(t, addr.String()), []byte("who?"))); got != addr.String() {
			t.Errorf("sent to %v, LocalAddr is %s", addr, got)
		}
	}
}

// TestServerShards checks that Shutdown answers the requests queued on all shards, and that the
// responses to each client are in order.
func TestServerShards(t *testing.T) {
	const clients, each = 50, 20
	for _, shards := range []int{0, 1, 4} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			srv := &ohce.Server{Shards: shards}
			if err := srv.Listen("127.0.0.1:0"); err != nil {
				t.Fatal(err)
			}
			if n := len(srv.Addrs()); n != 1 {
				t.Errorf("%d addresses, want 1, however many sockets share it", n)
			}
			serve(t, srv)
			var all []*net.UDPConn
			for range clients {
				c := dial(t, srv.Addrs()[0].String())
				all = append(all, c)
				for i := range each {
					if _, err := c.Write([]byte{byte(i)}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := srv.Shutdown(context.Background()); err != nil {
				t.Fatal(err)
			}
			st := srv.Stats()
			if st.Answered+st.KernelDropped != clients*each {
				t.Fatalf("%v, want %d answered or dropped by the kernel", st, clients*each)
			}
			skipIfKernelDropped(t, st)
			buf := make([]byte, 10)
			for _, c := range all {
				for i := range each {
					if n, err := c.Read(buf); err != nil || n != 1 || buf[0] != byte(i) {
						t.Fatalf("response %d is %v (%v)", i, buf[:n], err)
					}
				}
			}
		})
	}
}

// skipIfKernelDropped skips the test if the kernel dropped datagrams. In CI, where the buffers are
// large enough, it fails the test.
func skipIfKernelDropped(t *testing.T, s ohce.ServerStats) {
	t.Helper()
	switch {
	case s.KernelDropped == 0:
	case os.Getenv("CI") != "":
		t.Fatalf("the kernel dropped %d: the receive buffer is too small", s.KernelDropped)
	default:
		t.Skipf("the kernel dropped %d: the receive buffer is too small", s.KernelDropped)
	}
}

// TestServerSourceAddress checks the source address of responses. A connected socket receives only
// datagrams from its peer, so a response proves the address.
func TestServerSourceAddress(t *testing.T) {
	tests := []struct {
		listen string
		hosts  []string
	}{
		{"0.0.0.0:0", []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"}},
		{"[::]:0", []string{"127.0.0.1", "127.0.0.2", "::1"}},
		{":0", []string{"127.0.0.1", "127.3.2.1", "::1"}},
	}
	haveIPv6(t)
	for _, tt := range tests {
		t.Run(tt.listen, func(t *testing.T) {
			srv := &ohce.Server{
				Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
					fmt.Fprint(w, r.LocalAddr)
				})}
			if err := srv.Listen(tt.listen); err != nil {
				t.Fatal(err)
			}
			serve(t, srv)
			for _, host := range tt.hosts {
				addr := netip.AddrPortFrom(netip.MustParseAddr(host), srv.Addrs()[0].Port())
				if !wholeLoopback && !onInterface(t, addr.Addr()) {
					continue
				}
				got := string(roundTrip(t, dial(t, addr.String()), []byte("who?")))
				if got != addr.String() {
					t.Errorf("sent to %v, LocalAddr is %s", addr, got)
				}
			}
		})
	}
}

// onInterface reports whether an interface has the address.
func onInterface(t *testing.T, ip netip.Addr) bool {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap() == ip {
			return true
		}
	}
	return false
}

func TestServerDrops(t *testing.T) {
	big := bytes.Repeat([]byte{'x'}, 101)
	tests := []struct {
		name    string
		srv     *ohce.Server
		request []byte
		want    ohce.DropReason
	}{
		{"oversize", &ohce.Server{BufferSize: 100}, big, ohce.DropOversize},
		{"silent", &ohce.Server{Handler: ohce.HandlerFunc(
			func(*ohce.ResponseWriter, *ohce.Request) {})}, []byte("hi"), ohce.DropSilent},
		{"reset", &ohce.Server{Handler: ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) { w.Write(r.Data); w.Reset() })},
			[]byte("hi"), ohce.DropSilent},
		{"too-large", &ohce.Server{Handler: ohce.HandlerFunc(
			func(w *ohce.ResponseWriter, r *ohce.Request) {
				w.Write(make([]byte, 65_000))
				if _, err := w.Write(make([]byte, 508)); !errors.Is(err, ohce.ErrTooLarge) {
					panic(err)
				}
			})}, []byte("hi"), ohce.DropTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := ohcetest.StartServer(tt.srv)
			c := dial(t, s.Addr)
			if _, err := c.Write(tt.request); err != nil {
				t.Fatal(err)
			}
			s.Close() // answers all queued datagrams, so the counters are final
			st := s.Config.Stats()
			checkStats(t, st, 0)
			if st.Received != 1 || st.Dropped[tt.want] != 1 {
				t.Errorf("stats %+v, want 1 received and dropped as %v", st, tt.want)
			}
		})
	}
}

func TestServerDropsServicePorts(t *testing.T) {
	listen := func(t *testing.T, addr netip.AddrPort) *net.UDPConn {
		t.Helper()
		c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	other := netip.AddrFrom4([4]byte{127, 0, 0, 2})
	t.Run("own-port", func(t *testing.T) {
		s := ohcetest.NewServer(nil)
		addr := netip.MustParseAddrPort(s.Addr)
		twin := listen(t, netip.AddrPortFrom(other, addr.Port()))
		if _, err := twin.WriteToUDPAddrPort([]byte("loop"), addr); err != nil {
			t.Fatal(err)
		}
		s.Close()
		if st := s.Config.Stats(); st.Dropped[ohce.DropLoop] != 1 || st.Answered != 0 {
			t.Errorf("stats %+v, want 1 dropped as loop", st)
		}
	})
	t.Run("own-set", func(t *testing.T) {
		client := listen(t, netip.AddrPortFrom(other, 0))
		set := new(guard.PortSet)
		set.Add(client.LocalAddr().(*net.UDPAddr).AddrPort().Port())
		s := ohcetest.StartServer(&ohce.Server{Guard: guard.Loops{RefusePorts: set}})
		if _, err := client.WriteToUDPAddrPort([]byte("no"), netip.MustParseAddrPort(s.Addr)); err != nil {
			t.Fatal(err)
		}
		if got := roundTrip(t, dial(t, s.Addr), []byte("yes")); string(got) != "yes" {
			t.Errorf("another port got %q", got)
		}
		s.Close()
		if st := s.Config.Stats(); st.Dropped[ohce.DropLoop] != 1 || st.Answered != 1 {
			t.Errorf("stats %+v, want 1 dropped as loop and 1 answered", st)
		}
	})
}

// A watchedGuard reports the first datagram that it drops.
type watchedGuard struct {
	guard.Guard
	once    sync.Once
	dropped chan struct{} // closed when a datagram is dropped
}

func (g *watchedGuard) NewRule(addrs []netip.AddrPort) guard.Rule {
	rule := g.Guard.NewRule(addrs)
	return guard.RuleFunc(func(now time.Time, d *guard.Datagram) guard.Verdict {
		v := rule.Admit(now, d)
		if v != guard.Admitted {
			g.once.Do(func() { close(g.dropped) })
		}
		return v
	})
}

// TestLoopBetweenTwoServersOnRealSockets starts a loop with a datagram from the socket of the other
// server.
func TestLoopBetweenTwoServersOnRealSockets(t *testing.T) {
	const limit = 2000
	g := &watchedGuard{Guard: guard.Loops{Rounds: -1, Streak: limit}, dropped: make(chan struct{})}
	a, b := ohcetest.StartServer(&ohce.Server{Guard: g}), &ohce.Server{Guard: g}
	pc, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pc.WriteTo([]byte("Hello"), net.UDPAddrFromAddrPort(a.Config.Addrs()[0])); err != nil {
		t.Fatal(err)
	}
	serve(t, b, pc)
	select {
	case <-g.dropped:
	case <-time.After(testTimeout):
		t.Error("the loop continued")
	}
	a.Close()
	b.Shutdown(context.Background())
	drops := a.Config.Stats().Dropped[ohce.DropLoop] + b.Stats().Dropped[ohce.DropLoop]
	if n := a.Config.Stats().Received; drops != 1 || n < limit-1 || n > limit {
		t.Errorf("%d rounds, %d dropped as loop; want %d and 1", n, drops, limit)
	}
}

func TestServerShutdownAnswersQueuedRequests(t *testing.T) {
	const queued = 1000
	entered, leave := make(chan struct{}), make(chan struct{})
	first := true
	srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		if first {
			first = false
			close(entered)
			<-leave
		}
		w.Write(r.Data)
	})}
	s := ohcetest.StartServer(srv)
	c := dial(t, s.Addr)
	c.SetReadBuffer(4 << 20)
	send := func(i int) {
		if _, err := fmt.Fprintf(c, "%d", i); err != nil {
			t.Fatal(err)
		}
	}
	send(0)
	<-entered
	for i := 1; i < queued; i++ {
		send(i)
	}
	down := make(chan error, 1)
	go func() { down <- srv.Shutdown(context.Background()) }()
	close(leave)
	if err := <-down; err != nil {
		t.Fatal(err)
	}
	s.Close()
	st := srv.Stats()
	checkStats(t, st, 0)
	if st.Answered+st.KernelDropped != queued || st.Answered != st.Received {
		t.Fatalf("sent %d: %+v", queued, st)
	}
	skipIfKernelDropped(t, st)
	buf := make([]byte, 100)
	for i := range st.Answered {
		if _, err := c.Read(buf); err != nil {
			t.Fatalf("answer %d of %d: %v", i, st.Answered, err)
		}
	}
}

// TestServerMaxDatagramIPv6 checks that the largest datagram is 20 bytes longer on IPv6.
func TestServerMaxDatagramIPv6(t *testing.T) {
	haveIPv6(t)
	srv := new(ohce.Server)
	if err := srv.Listen("[::1]:0"); err != nil {
		t.Fatal(err)
	}
	serve(t, srv)
	request := bytes.Repeat([]byte("ab"), 65_527/2+1)[:65_527]
	if got := roundTrip(t, dial(t, srv.Addrs()[0].String()), request); !bytes.Equal(got, request) {
		t.Errorf("the echo has %d bytes or other content", len(got))
	}
}

// A doneSpy reports the first call of Done.
type doneSpy struct {
	context.Context
	once   sync.Once
	called chan struct{} // closed by the first call
}

func (s *doneSpy) Done() <-chan struct{} {
	s.once.Do(func() { close(s.called) })
	return s.Context.Done()
}

// TestServerShutdownStopsAdmission checks that the kernel drops datagrams that arrive while
// Shutdown waits.
func TestServerShutdownStopsAdmission(t *testing.T) {
	if !wholeLoopback {
		t.Skip("the portable path has no filter; internal/udp tests its bounds")
	}
	const late = 20
	entered, leave := make(chan struct{}), make(chan struct{})
	s := ohcetest.NewServer(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		close(entered) // a second call would panic
		<-leave
	}))
	c := dial(t, s.Addr)
	c.Write([]byte("first"))
	<-entered
	ctx := &doneSpy{Context: context.Background(), called: make(chan struct{})}
	down := make(chan error, 1)
	go func() { down <- s.Config.Shutdown(ctx) }()
	<-ctx.called
	for range late {
		if _, err := c.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
	}
	close(leave)
	if err := <-down; err != nil {
		t.Fatal(err)
	}
	s.Close()
	st := s.Config.Stats()
	checkStats(t, st, 0)
	if st.Received != 1 || st.KernelDropped != late {
		t.Errorf("stats %v, want 1 received and %d dropped by the kernel", st, late)
	}
}

func TestServerAfterShutdown(t *testing.T) {
	srv := new(ohce.Server)
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(); err != ohce.ErrServerClosed || !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve after Shutdown = %v, want ErrServerClosed, a net.ErrClosed", err)
	}
	if err := srv.Listen("127.0.0.1:0"); err != ohce.ErrServerClosed {
		t.Errorf("Listen after Shutdown = %v, want ErrServerClosed", err)
	}
	if c, err := net.ListenPacket("udp", srv.Addrs()[0].String()); err != nil {
		t.Errorf("the port is still bound: %v", err)
	} else {
		c.Close()
	}
}

func TestServerErrors(t *testing.T) {
	taken := ohcetest.NewServer(nil)
	defer taken.Close()
	listen := func(addr string) func() error {
		return func() error { return new(ohce.Server).Listen(addr) }
	}
	tests := []struct {
		name string
		do   func() error
		op   string
	}{
		{"taken", listen(taken.Addr), "listen"},
		{"port", listen("127.0.0.1:70000"), "listen"},
		{"no-port", listen("127.0.0.1"), "listen"},
		{"name", listen("nosuch.invalid:3000"), "listen"},
		{"address", listen("192.0.2.1:3000"), "listen"},
		{"buffer-negative", (&ohce.Server{Addr: "127.0.0.1:0", BufferSize: -1}).ListenAndServe, ""},
		{"buffer-large", (&ohce.Server{Addr: "127.0.0.1:0", BufferSize: 65_536}).ListenAndServe, ""},
		{"shards-negative", (&ohce.Server{Addr: "127.0.0.1:0", Shards: -1}).ListenAndServe, ""},
		{"no-address", func() error { return new(ohce.Server).Serve() }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.do()
			if err == nil {
				t.Fatal("no error")
			}
			var op *ohce.OpError
			if errors.As(err, &op) != (tt.op != "") || op != nil && op.Op != tt.op {
				t.Errorf("%v is not an OpError of %q", err, tt.op)
			}
		})
	}
}

// TestListenErrorText checks that the text of a Listen error has the operation, the address and the
// reason once each, and that the error wraps the sentinel and the system's error.
func TestListenErrorText(t *testing.T) {
	taken := ohcetest.NewServer(nil)
	defer taken.Close()
	tests := []struct {
		name, addr, want string
		is               error
	}{
		{"taken", taken.Addr, "listen " + taken.Addr + ": address in use", ohce.ErrAddrInUse},
		{"no-port", "127.0.0.1", "listen 127.0.0.1: missing port in address", nil},
		{"port", "127.0.0.1:70000", "listen 127.0.0.1:70000: invalid port", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := new(ohce.Server).Listen(tt.addr)
			var op *ohce.OpError
			if !errors.As(err, &op) || op.Op != "listen" || op.Addr != tt.addr {
				t.Fatalf("the error is %#v, want an OpError of listen", err)
			}
			if got := err.Error(); got != tt.want {
				t.Errorf("the error reads %q, want %q", got, tt.want)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			var errno syscall.Errno
			if tt.is == ohce.ErrAddrInUse && !errors.As(err, &errno) {
				t.Errorf("the system's error is not in %#v", err)
			}
		})
	}
}

func TestServerAllocs(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0"} {
		t.Run(listen, func(t *testing.T) {
			srv := new(ohce.Server)
			if err := srv.Listen(listen); err != nil {
				t.Fatal(err)
			}
			serve(t, srv)
			port := srv.Addrs()[0].Port()
			c := dial(t, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port).String())
			request, buf := []byte("Hello"), make([]byte, 100)
			allocs := testing.AllocsPerRun(1000, func() {
				request[0]++ // equal requests would look like a loop
				request[1] += request[0] / 255
				if _, err := c.Write(request); err != nil {
					t.Fatal(err)
				}
				if _, err := c.Read(buf); err != nil {
					t.Fatal(err)
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations for a request and its response, want 0", allocs)
			}
		})
	}
}
