//go:build linux && !ohce_portable

package cli

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/udp"
)

// overloadEnv sets how long each flood lasts, in seconds. "make overload" sets it.
const overloadEnv = "OHCE_OVERLOAD"

func overloadTime(t *testing.T) time.Duration {
	t.Helper()
	s := os.Getenv(overloadEnv)
	if s == "" {
		return time.Second / 4
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatalf("%s: %v", overloadEnv, err)
	}
	return time.Duration(n * float64(time.Second))
}

const (
	floodSource  = "127.0.1.1"  // in a /18 of its own
	clientSource = "127.64.0.1" // likewise
)

// A flooder sends datagrams of 64 bytes with different texts in batches.
type flooder struct {
	conn udp.Socket
	ms   []udp.Message
	sent int
}

func newFlooder(t *testing.T, to string) *flooder {
	t.Helper()
	c, err := udp.Connect(dialLocal(t, floodSource, to))
	if err != nil {
		t.Fatal(err)
	}
	f := &flooder{conn: c, ms: make([]udp.Message, udp.MaxWidth)}
	for i := range f.ms {
		f.ms[i].Buf = make([]byte, 64)
	}
	return f
}

// send sends one batch.
func (f *flooder) send() error {
	for i := range f.ms {
		f.sent++
		binary.BigEndian.PutUint64(f.ms[i].Buf, uint64(f.sent))
	}
	for rest := f.ms; len(rest) > 0; {
		n, err := f.conn.Write(rest)
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// dialLocal returns a socket from a local address.
func dialLocal(t *testing.T, from, to string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from + ":0"))}
	c, err := d.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// threadTime returns the processor time of the thread.
func threadTime(t *testing.T) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A summary holds the counters that ohce serve prints at its end.
type summary struct{ received, answered, dropped, kernel int }

func readSummary(t *testing.T, text string) (s summary) {
	t.Helper()
	parseSummary(t, text, &s.received, &s.answered, &s.dropped, &s.kernel)
	return s
}

// processTime returns the processor time of a process.
func processTime(t *testing.T, p *process) (sum time.Duration) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range threads {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		var running time.Duration
		if _, err := fmt.Sscan(string(text), &running); err != nil {
			t.Fatal(err)
		}
		sum += running
	}
	return sum
}

// flood sends until stop is called, which returns the number of datagrams sent.
func flood(t *testing.T, to string) (stop func() int) {
	t.Helper()
	f := newFlooder(t, to)
	ctx, cancel := context.WithCancel(t.Context())
	flooded := make(chan error, 1)
	go func() { // ends with ctx; stop waits for it
		for ctx.Err() == nil {
			if err := f.send(); err != nil {
				flooded <- err
				return
			}
		}
		flooded <- nil
	}()
	return func() int {
		cancel()
		if err := <-flooded; err != nil {
			t.Fatal(err)
		}
		return f.sent
	}
}

// TestOverloadCost measures the processor time that a datagram takes if the server answers it, if
// the guard drops it, and if the kernel drops it. The time of the sender includes the kernel's
// delivery to the socket, because the network is the loopback interface.
func TestOverloadCost(t *testing.T) {
	n := int(overloadTime(t).Seconds() * 50_000)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"answered", nil},
		{"dropped by the rate limit", []string{"--limit-local"}},
		{"dropped by the deny list", []string{"--deny", "127.0.1.0/24"}},
		{"dropped in the kernel", []string{"--deny", "127.0.1.0/24", "--deny-in-kernel"}},
	} {
		p := serving(t, append(tt.args, "--log", "none", "--shards", "1")...)
		sent, sender, server := floodInBursts(t, p, n)
		text, err := p.stop()
		if err != nil {
			t.Fatal(err)
		}
		s := readSummary(t, text)
		if s.received+s.kernel != sent {
			t.Errorf("%s: sent %d, but %+v", tt.name, sent, s)
		}
		if inKernel := s.kernel > sent/2; inKernel != strings.HasSuffix(tt.name, "kernel") {
			t.Errorf("%s: %+v", tt.name, s)
		}
		each := func(d time.Duration) time.Duration { return d / time.Duration(sent) }
		t.Logf("%-25s %7v by the server, %7v with the sender; %+v", tt.name, each(server),
			each(server+sender), s)
	}
}

// floodInBursts sends n datagrams to a server in bursts that fit into its receive buffer. After each
// burst, it waits for the response to a request from another prefix. It returns the number of
// datagrams sent and the processor time of the sender and the server.
func floodInBursts(t *testing.T, p *process, n int) (sent int, sender, server time.Duration) {
	t.Helper()
	const batches = 16
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f := newFlooder(t, p.addrs[0])
	client := dialLocal(t, clientSource, p.addrs[0])
	exchanges := 0
	exchange := func() {
		exchanges++
		client.SetDeadline(time.Now().Add(patience))
		if _, err := fmt.Fprintf(client, "request %d", exchanges); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	exchange() // now the server has attached its filter
	sender, server = threadTime(t), processTime(t, p)
	for f.sent < n {
		for range batches {
			if err := f.send(); err != nil {
				t.Fatal(err)
			}
		}
		exchange()
	}
	return f.sent + exchanges, threadTime(t) - sender, processTime(t, p) - server
}

// TestOverloadNeighbour floods a server from one prefix as fast as the sender can. A client with the
// default schedule makes 100 exchanges a second from another prefix. If the flood is limited or
// denied, 99.9 % of the exchanges must be answered. Tests of other packages can run at the same time
// and take the server's processor, so a test without overloadEnv requires 90 %.
func TestOverloadNeighbour(t *testing.T) {
	const perSecond = 100
	d, required := overloadTime(t), 0.999
	if os.Getenv(overloadEnv) == "" {
		required = 0.9
	}
	for _, tt := range []struct {
		name    string
		args    []string
		limited bool
	}{
		{"answered", nil, false},
		{"dropped by the rate limit", []string{"--limit-local"}, true},
		{"dropped by the deny list", []string{"--deny", "127.0.1.0/24"}, true},
		{"dropped in the kernel", []string{"--deny", "127.0.1.0/24", "--deny-in-kernel"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !tt.limited && os.Getenv(overloadEnv) == "" {
				t.Skip("make overload shows it")
			}
			p := serving(t, append(tt.args, "--log", "none")...)
			begun := time.Now()
			stop := flood(t, p.addrs[0])
			answered, attempts, n := exchangesBeside(t, p.addrs[0], perSecond, d)
			sent := stop()
			rate := float64(sent) / time.Since(begun).Seconds()
			text, err := p.stop()
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d of %d exchanges answered with %d attempts beside %.0f datagrams a second; %+v", answered,
				n, attempts, rate, readSummary(t, text))
			if tt.limited && float64(answered) < required*float64(n) {
				t.Errorf("%d of %d exchanges answered, want a share of %v", answered, n, required)
			}
		})
	}
}

// exchangesBeside makes exchanges at a constant rate from clientSource, each when its time has come.
func exchangesBeside(t *testing.T, to string, rate int, d time.Duration) (answered, attempts, n int) {
	t.Helper()
	n = int(d.Seconds() * float64(rate))
	c := &ohce.Client{Addr: to, Match: ohce.MatchExact(flip.Append), Dial: func(
		ctx context.Context, network, address string,
	) (net.Conn, error) {
		d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(clientSource + ":0"))}
		return d.DialContext(ctx, network, address)
	}}
	defer c.Close()
	var mu sync.Mutex
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range n {
		<-tick.C
		all.Go(func() { // ends with the schedule; the function waits below
			resp, err := c.Exchange(t.Context(), fmt.Appendf(nil, "Request %d", i))
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			attempts += resp.Attempts
			answered++
		})
	}
	all.Wait()
	return answered, attempts, n
}

// TestOverloadMetrics reads the metrics of a server again and again beside a flood that the server
// answers. Each response must arrive within a second.
func TestOverloadMetrics(t *testing.T) {
	p, addr := serveMonitored(t, "--log", "none")
	stop := flood(t, p.addrs[0])
	var longest time.Duration
	var text string
	n := 0
	for begun := time.Now(); n == 0 || time.Since(begun) < overloadTime(t); n++ {
		asked := time.Now()
		if _, text = fetch(t, "http://"+addr+"/metrics"); time.Since(asked) > longest {
			longest = time.Since(asked)
		}
	}
	sent := stop()
	if sumOf(t, text, "ohce_requests_total") == 0 {
		t.Error("no request of the flood arrived")
	}
	if t.Logf("%d scrapes, the longest took %v, beside %d datagrams", n, longest, sent); longest > time.Second {
		t.Errorf("a scrape took %v, want at most 1s", longest)
	}
}
