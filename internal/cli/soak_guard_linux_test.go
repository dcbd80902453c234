package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/internal/testsize"
	"github.com/ohce/ohce/link/relay"
)

// soakTimeEnv is the variable with the duration of TestSoakGuard. "make soak" sets it to SOAKTIME.
const soakTimeEnv = "OHCE_SOAKTIME"

// memoryGrowth is the maximum growth of a process that has warmed up, in KiB.
const memoryGrowth = 4 << 10

// TestSoakGuard sends requests to a server whose guard is busy, from sources of several kinds and
// through a link with impairments. It checks that each request is answered or in exactly one
// counter, that each response arrives or is counted, and that the memory of both does not grow.
func TestSoakGuard(t *testing.T) {
	t.Parallel() // it waits for most of its time
	duration := time.Duration(testsize.Pick(2, 1)) * time.Second
	if s := os.Getenv(soakTimeEnv); s != "" {
		var err error
		if duration, err = time.ParseDuration(s); err != nil {
			t.Fatalf("%s: %v", soakTimeEnv, err)
		}
	}
	server := serving(t, "--log", "none", "--buffer-size", "1000", "--limit-local", "--rate-limit", "200",
		"--rate-burst", "200", "--max-rate", "100000", "--deny", "127.7.0.0/16")
	link, err := startLink([]string{"--listen", "127.0.0.1:0", "--to", server.addrs[0], "--api", "127.0.0.1:0",
		"--like", "lossy", "--loss", "10%", "--idle", "1s"}) // each exchange has a port, of about 13 KiB
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.kill)

	client := &ohce.Client{Addr: link.addrs[0], Match: ohce.MatchExact(flip.Append)}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	s := startSoak(ctx, t, server.addrs[0])
	defer func() { cancel(); s.wg.Wait() }()
	for i := range 8 {
		s.wg.Go(func() { soakClient(ctx, client, i) })
	}
	s.wg.Go(func() { s.soakNewSources(ctx, t, server.addrs[0]) })
	checkMemory(ctx, t, server.cmd.Process.Pid, link.cmd.Process.Pid)
	s.wg.Wait()
	checkSoak(t, s, server, link, client.Stats())
}

// A soak counts the requests and responses of its sources.
type soak struct {
	wg             sync.WaitGroup
	sources        []*soakSource
	fresh          atomic.Uint64 // exchanges of soakNewSources
	sent, received uint64        // sums, after the end
}

// A soakSource sends requests from one address.
type soakSource struct {
	name       string
	rate       int // requests a second
	request    func(random *rand.Rand, buf []byte, i int) []byte
	conn       *net.UDPConn
	sent       int
	received   atomic.Int64
	readerDone chan struct{}
}

// startSoak starts a source of each kind. They send until ctx is done.
func startSoak(ctx context.Context, t *testing.T, server string) *soak {
	numbered := func(most int) func(*rand.Rand, []byte, int) []byte {
		return func(random *rand.Rand, buf []byte, i int) []byte {
			binary.BigEndian.PutUint64(buf, uint64(i))
			fill(random, buf[8:])
			return buf[:8+random.IntN(most-8)]
		}
	}
	same := func(_ *rand.Rand, buf []byte, _ int) []byte { return buf[:20] }
	s := new(soak)
	for ip, source := range map[string]*soakSource{
		"127.1.0.1": {name: "flood", rate: 2000, request: numbered(1000)},
		"127.1.1.1": {name: "client", rate: 100, request: numbered(1000)},
		"127.7.0.1": {name: "denied", rate: 1000, request: numbered(1000)},
		"127.1.2.1": {name: "loop", rate: 100, request: same},
		"127.1.3.1": {name: "oversize", rate: 100, request: numbered(1400)},
	} {
		source.conn = connectFrom(t, ip, server)
		source.conn.SetReadBuffer(1 << 20)
		source.readerDone = make(chan struct{})
		s.sources = append(s.sources, source)
		go source.read() // ends when checkSoak sets a deadline
		s.wg.Go(func() { source.send(ctx, t) })
	}
	return s
}

// send sends the requests that are due every ten milliseconds.
func (s *soakSource) send(ctx context.Context, t *testing.T) {
	random := rand.New(rand.NewPCG(uint64(s.rate), 1))
	buf := make([]byte, 2000)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		for range s.rate / 100 {
			if _, err := s.conn.Write(s.request(random, buf, s.sent)); err != nil {
				t.Errorf("%s: %v", s.name, err)
				return
			}
			s.sent++
		}
	}
}

func (s *soakSource) read() {
	defer close(s.readerDone)
	buf := make([]byte, 2000)
	for {
		if _, err := s.conn.Read(buf); err != nil {
			return
		}
		s.received.Add(1)
	}
}

// soakClient makes exchanges, one after the other, until ctx is done.
func soakClient(ctx context.Context, c *ohce.Client, number int) {
	for i := 0; ctx.Err() == nil; i++ {
		c.Exchange(context.WithoutCancel(ctx), fmt.Appendf(nil, "through the link %d %d", number, i))
	}
}

// soakNewSources makes 100 exchanges a second, each from a new address, until ctx is done.
func (s *soak) soakNewSources(ctx context.Context, t *testing.T, server string) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	buf := make([]byte, 100)
	for i := 0; ctx.Err() == nil; i++ {
		<-tick.C
		n := s.fresh.Add(1)
		ip := net.IPv4(127, byte(128+n>>16&127), byte(n>>8), byte(n|1))
		c, err := dialFrom(ip, server)
		if err != nil {
			t.Error(err)
			return
		}
		c.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(c, "Hello %d", i)
		if _, err := c.Read(buf); err != nil {
			t.Errorf("no response to %v: %v", ip, err)
		}
		c.Close()
	}
}

// checkMemory samples the memory of processes until ctx is done, and checks that it is no larger in
// the last third of the time than in the second one.
func checkMemory(ctx context.Context, t *testing.T, pids ...int) {
	t.Helper()
	var samples [][]int
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil || len(samples) < 3 {
		<-tick.C
		var now []int
		for _, pid := range pids {
			now = append(now, memory(t, pid, "VmRSS"))
		}
		samples = append(samples, now)
	}
	third := len(samples) / 3
	for i, pid := range pids {
		most := func(samples [][]int) int {
			return slices.MaxFunc(samples, func(a, b []int) int { return cmp.Compare(a[i], b[i]) })[i]
		}
		before, after := most(samples[third:2*third]), most(samples[2*third:])
		t.Logf("process %d: %d KiB at most in the second third, %d KiB in the last one", pid, before, after)
		if after > before+memoryGrowth || after > memoryLimit() {
			t.Errorf("process %d has grown from %d to %d KiB", pid, before, after)
		}
	}
}

// checkSoak checks the counters of both processes and of the client.
func checkSoak(t *testing.T, s *soak, server, link *process, client ohce.ClientStats) {
	t.Helper()
	stats := quietLink(t, link.api)
	text, err := server.stop()
	if err != nil {
		t.Fatalf("serve ended with %v: %s", err, text)
	}
	s.sent, s.received = s.fresh.Load(), s.fresh.Load()
	for _, source := range s.sources { // the kernel has queued all responses
		source.conn.SetReadDeadline(time.Now().Add(time.Second))
	}
	lost := 0
	for _, source := range s.sources {
		<-source.readerDone
		drops := socketDrops(t, source.conn)
		t.Logf("%s: %d requests, %d responses", source.name, source.sent, source.received.Load())
		s.sent += uint64(source.sent)
		s.received += uint64(source.received.Load())
		lost += drops
		if source.name == "client" && source.sent != int(source.received.Load())+drops {
			t.Errorf("the client sent %d requests and received %d responses", source.sent, source.received.Load())
		}
	}
	var received, answered, dropped, kernel int
	parseSummary(t, text, &received, &answered, &dropped, &kernel)
	t.Logf("%s%v", text, client)
	if sent := int(s.sent + stats.Up.Sent); received+kernel != sent || answered+dropped != received {
		t.Errorf("sent %d, the server printed %s", sent, text)
	}
	if arrived := int(s.received+stats.Down.Received+stats.Down.KernelDropped) + lost; arrived != answered {
		t.Errorf("%d responses arrived, the server printed %s", arrived, text)
	}
	if arrived := stats.Up.Received + stats.Up.KernelDropped; arrived != client.Attempts {
		t.Errorf("%d of %d requests arrived at the link", arrived, client.Attempts)
	}
	if client.Answered < client.Exchanges*9/10 || client.Answered+client.Down+client.Failed != client.Exchanges {
		t.Errorf("the client through the link: %v", client)
	}
	for _, reason := range []string{"oversize ", "loop ", "rate ", "denied "} {
		if !strings.Contains(text, reason) {
			t.Errorf("the server dropped nothing as %s: %s", reason, text)
		}
	}
}

// quietLink waits until the only link of an API delays no datagram, and returns its counters.
func quietLink(t *testing.T, api string) (stats relay.Stats) {
	t.Helper()
	c := &linkapi.Client{Addr: api}
	deadline := time.Now().Add(patience)
	for before := (relay.Stats{}); time.Now().Before(deadline); {
		all, err := c.List(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%d links, %v", len(all), err)
		}
		stats = all[0].Stats
		if stats == before && stats.Up.Delayed+stats.Down.Delayed == 0 {
			return stats
		}
		before = stats
		<-time.After(100 * time.Millisecond)
	}
	t.Fatalf("the link is not quiet: %+v", stats)
	return stats
}

// socketDrops returns how many datagrams the kernel has dropped because the buffer of a socket was
// full: the last column of /proc/net/udp.
func socketDrops(t *testing.T, c *net.UDPConn) (drops int) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		t.Fatal(err)
	}
	local := c.LocalAddr().(*net.UDPAddr)
	ip := binary.NativeEndian.Uint32(local.IP.To4())
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if len(fields) > 2 && fields[1] == fmt.Sprintf("%08X:%04X", ip, local.Port) {
			if _, err = fmt.Sscan(fields[len(fields)-1], &drops); err == nil {
				return drops
			}
		}
	}
	t.Fatal(errors.Join(err, errors.New("the socket is not in /proc/net/udp")))
	return 0
}
