//go:build priv && linux && !ohce_portable

package ohce_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/netns"
)

const (
	victimPort = 40_000 // the source port of forged requests
	forgedRate = 150_000
)

// A victim counts the bytes of the datagrams that arrive for all addresses of a prefix.
type victim struct{ bytes atomic.Int64 }

// newVictim gives a host all addresses of a prefix and counts the bytes to victimPort.
func newVictim(t *testing.T, server, h netns.Host, prefix string) *victim {
	t.Helper()
	server.IP(t, "route add "+prefix+" via 192.0.2.2")
	h.IP(t, "route add local "+prefix+" dev lo")
	var c *net.UDPConn
	h.Do(t, func() (err error) {
		c, err = net.ListenUDP("udp4", &net.UDPAddr{Port: victimPort})
		return err
	})
	if c == nil {
		t.FailNow()
	}
	c.SetReadBuffer(8 << 20)
	v := &victim{}
	ended := make(chan struct{})
	go func() { // ends when c is closed; the cleanup waits for it
		defer close(ended)
		for buf := make([]byte, 2048); ; {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			v.bytes.Add(int64(n))
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-ended
	})
	return v
}

// A reflection sends forged requests with texts of all kinds.
type reflection struct {
	forger      *forger
	texts       [][]byte
	sent, bytes atomic.Int64
}

func newReflection(t *testing.T, h netns.Host, to netip.AddrPort) *reflection {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 1))
	r := &reflection{forger: newForger(t, h, to, 64), texts: [][]byte{
		[]byte("Hello"), []byte("ΐ"), []byte("ŉ"), []byte("Straße"), {0xff, 0xfe}, {},
	}}
	for range 1000 {
		text := make([]byte, random.IntN(60))
		for i := range text {
			text[i] = byte(random.Uint32())
		}
		r.texts = append(r.texts, text)
	}
	return r
}

// run sends n requests with sources in 198.51.100.0/24, at most forgedRate a second.
func (r *reflection) run(n int) error {
	random, begun := rand.New(rand.NewPCG(2, 2)), time.Now()
	for i := range n {
		for i%64 == 0 && float64(i) > time.Since(begun).Seconds()*forgedRate {
			time.Sleep(100 * time.Microsecond)
		}
		text := r.texts[random.IntN(len(r.texts))]
		if err := r.forger.sendText(netip.AddrFrom4([4]byte{198, 51, 100, byte(random.Uint32())}), text); err != nil {
			return err
		}
		r.sent.Add(1)
		r.bytes.Add(int64(len(text)))
	}
	return nil
}

// A reading holds the counters at a moment.
type reading struct {
	at      time.Time
	stats   ohce.ServerStats
	in, out int64 // bytes from the attacker, and to the victims
}

// check compares the bytes of a second. It reports whether the burst of the prefix was spent in this
// second or before: the server then drops a tenth of the requests or more.
func (now reading) check(t *testing.T, before reading) (limited bool) {
	t.Helper()
	in, out := now.in-before.in, now.out-before.out
	t.Logf("a second: %.0f responses to %.0f requests, %d bytes to the victims, %d from the attacker",
		now.rate(before, now.stats.Answered-before.stats.Answered),
		now.rate(before, now.stats.Received-before.stats.Received), out, in)
	if out > in+guard.DefaultCredit {
		t.Errorf("%d bytes to the victims, %d from the attacker", out, in)
	}
	dropped := now.stats.Dropped[ohce.DropRate] - before.stats.Dropped[ohce.DropRate]
	return dropped*10 >= now.stats.Received-before.stats.Received
}

// rate returns the rate of n events between two readings.
func (now reading) rate(before reading, n uint64) float64 {
	return float64(n) / now.at.Sub(before.at).Seconds()
}

// TestPrivReflection floods a server with requests whose forged sources are in one /24. It checks the
// rate of the responses after the burst, and in each second that the victims receive at most the
// bytes that the attacker sends. A client in that prefix with the default schedule must get half of its
// exchanges answered. OHCE_SPOOFED sets the number of requests.
func TestPrivReflection(t *testing.T) {
	const limit = 32 * guard.DefaultRate
	n := 500_000
	if s := os.Getenv("OHCE_SPOOFED"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	server, client := netns.Two(t)
	v := newVictim(t, server, client, "198.51.100.0/24")
	srv := &ohce.Server{
		Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
			w.Write(flip.Append(w.AvailableBuffer(), r.Data))
		}),
		Guard: guard.Guards{guard.Loops{}, &guard.RateLimit{}, &guard.Amplification{}},
	}
	port := listenIn(t, server, srv, "192.0.2.1:0")
	serve(t, srv)
	to := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)
	r := newReflection(t, client, to)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	flooded := make(chan error, 1)
	go func() { // ends after n requests
		defer cancel()
		flooded <- r.run(n)
	}()
	honest := make(chan [2]int, 1)
	go func() { honest <- exchangesInPrefix(ctx, t, client, to) }() // ends with ctx
	before := reading{at: time.Now()}
	var first, last reading // of the time in which the burst is spent
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			continue
		}
		now := reading{time.Now(), srv.Stats(), r.bytes.Load(), v.bytes.Load()}
		switch limited := now.check(t, before); {
		case !limited:
		case first.at.IsZero():
			first = now
		default:
			last = now
		}
		before = now
	}
	if last.at.IsZero() {
		t.Error("the rate was not limited for two seconds")
	} else if got := last.rate(first, last.stats.Answered-first.stats.Answered); got < 0.95*limit || got > 1.05*limit {
		t.Errorf("%.0f responses a second, want %d", got, limit)
	} else {
		t.Logf("%.0f responses a second after the burst, with a limit of %d", got, limit)
	}
	if err := <-flooded; err != nil {
		t.Fatal(err)
	}
	h := <-honest
	t.Logf("sent %d: %v; a client in the prefix had %d of %d exchanges answered", r.sent.Load(), srv.Stats(), h[0], h[1])
	if h[1] < 20 || h[0]*2 < h[1] {
		t.Errorf("a client in the prefix had %d of %d exchanges answered, want half", h[0], h[1])
	}
}

// exchangesInPrefix begins an exchange each 50 ms from an address in the victims' prefix until ctx is
// done. It returns the number answered and the number of all.
func exchangesInPrefix(ctx context.Context, t *testing.T, h netns.Host, to netip.AddrPort) [2]int {
	c := &ohce.Client{Addr: to.String(), Match: ohce.MatchExact(flip.Append), Dial: func(
		_ context.Context, network, address string,
	) (c net.Conn, err error) {
		d := net.Dialer{LocalAddr: &net.UDPAddr{IP: net.IPv4(198, 51, 100, 99)}}
		h.Do(t, func() error {
			c, err = d.Dial(network, address)
			return err
		})
		return c, err
	}}
	defer c.Close()
	var answered, n atomic.Int32
	var all sync.WaitGroup
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
			continue
		}
		i := n.Add(1)
		all.Go(func() { // ends with the schedule; the function waits below
			if _, err := c.Exchange(t.Context(), fmt.Appendf(nil, "Request %d", i)); err == nil {
				answered.Add(1)
			}
		})
	}
	all.Wait()
	return [2]int{int(answered.Load()), int(n.Load())}
}
