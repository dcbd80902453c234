package dashboard

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/ohcetest"
)

// busyServer returns the counters of a server after a number of seconds. Between seconds 180 and
// 210 it gets more requests than it can answer.
func busyServer(seconds int) []ohce.ShardStats {
	random := rand.New(rand.NewPCG(1, 2))
	var s ohce.ShardStats
	for i := range seconds {
		t := float64(i)
		n := uint64(42_000 + 6_000*math.Sin(t/40) + 2_500*random.Float64())
		if i > 180 && i < 210 {
			burst := uint64(26_000 * math.Sin((t-180)/30*math.Pi))
			n += burst
			s.Stats.Dropped[ohce.DropRate] += burst / 3
			s.Stats.Answered -= burst / 3
			if i > 188 && i < 202 {
				s.Stats.KernelDropped += burst / 9
			}
		}
		if i%37 == 0 {
			s.Stats.Dropped[ohce.DropOversize] += 12
			s.Stats.Answered -= 12
		}
		s.Stats.Received += n
		s.Stats.Answered += n
		s.RequestBytes += 61 * n
		s.ResponseBytes = 61 * s.Stats.Answered
	}
	s.Stats.InFlight = 0
	return []ohce.ShardStats{s}
}

// lossyLinks returns two links after a number of seconds.
func lossyLinks(seconds int) []Link {
	n := uint64(seconds) * 240
	var lte, lossy relay.Stats
	lte.Up.Received, lte.Up.Sent, lte.Up.Lost, lte.Up.Delayed = n, n-n/100-7, n/100, 7
	lte.Down.Received, lte.Down.Sent, lte.Down.Lost = lte.Up.Sent, lte.Up.Sent-n/90, n/90
	lte.Down.Reordered, lte.Mappings = n/400, 3
	lossy.Up.Received, lossy.Up.Lost, lossy.Up.Duplicated = n/9, n/45, n/90
	lossy.Up.Sent = lossy.Up.Received - lossy.Up.Lost + lossy.Up.Duplicated
	lossy.Down.Received, lossy.Down.Sent, lossy.Mappings = lossy.Up.Sent, lossy.Up.Sent, 1
	return []Link{
		{Name: "link-1", Listen: "127.0.0.1:4000", To: "127.0.0.1:3000",
			Up: "loss=1% delay=25ms±8ms rate=20M", Down: "loss=1% delay=25ms±8ms rate=80M", Stats: lte},
		{Name: "lossy", Listen: "127.0.0.1:4001", To: "127.0.0.1:3000",
			Up: "loss=20% duplicate=10%", Down: "none", Stats: lossy},
	}
}

// fillHistory records seconds snapshots of a source, the last one just now.
func fillHistory(d *Dashboard, seconds int, source func(second int) *Snapshot) {
	now := time.Now()
	for i := range seconds {
		d.figures.add(now.Add(time.Duration(i-seconds)*Interval), source(i))
	}
}

// sampleRequests sends requests of several clients through the sampler.
func sampleRequests(s *Sampler, n int) {
	h := s.Around(ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(flip.Append(nil, r.Data))
	}))
	clients := []string{
		"192.0.2.17:40112", "192.0.2.40:51822", "198.51.100.7:3391", "192.0.2.17:40112",
		"[2001:db8:aa:12::7]:50001", "203.0.113.9:40001", "198.51.100.24:61000", "192.0.2.201:55555",
	}
	texts := []string{"Hello", "GET status 7", "sensor 12: 21.5 °C", "ping 4711", "Grüße aus Köln"}
	random := rand.New(rand.NewPCG(3, 4))
	for i := range n {
		client := clients[random.IntN(len(clients))]
		if i%11 == 0 {
			client = fmt.Sprintf("10.%d.%d.1:4000", i%7, i%5)
		}
		h.ServeUDP(&ohce.ResponseWriter{}, &ohce.Request{
			Data: []byte(texts[i%len(texts)]), RemoteAddr: netip.MustParseAddrPort(client),
		})
	}
}

// A sample is the page of a server, or of links, with five minutes of history.
type sample struct {
	url    string
	server *httptest.Server
	down   atomic.Bool // the server refuses everything
}

func serveSample(t *testing.T, links bool) *sample {
	t.Helper()
	var second atomic.Int64
	second.Store(historyLength - 1)
	handled := ohcetest.NewServer(nil)
	client := handled.Client()
	t.Cleanup(func() { client.Close(); handled.Close() })
	d := &Dashboard{Command: "ohce serve", Title: "192.0.2.1:3000", Version: "v0.9.0"}
	of := func(i int) *Snapshot {
		shards := busyServer(i)
		for _, s := range handled.Config.ShardStats() {
			shards[0].HandlerTimes = s.HandlerTimes
		}
		return OfServer(shards)
	}
	if links {
		d.Command, d.Title, d.OfLinks = "ohce link", "Links", true
		of = func(i int) *Snapshot { return OfLinks(lossyLinks(i), 0) }
	} else {
		d.Sampler = &Sampler{Texts: true}
	}
	d.Source = func() *Snapshot {
		if d.Sampler != nil {
			sampleRequests(d.Sampler, 40)
			for range 200 {
				_, _ = client.Exchange(t.Context(), []byte("Hello"))
			}
		}
		return of(int(second.Add(1)))
	}
	fillHistory(d, historyLength, of)
	d.Start()
	s := &sample{}
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		d.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { d.Close(); s.server.Close() })
	s.url = s.server.URL + "/"
	return s
}
