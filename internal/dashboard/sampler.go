package dashboard

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ohce/ohce"
)

const (
	// refillInterval and refillSamples limit the samples to 1,000 a second.
	refillInterval = 10 * time.Millisecond
	refillSamples  = 10
	// maxBudget is the number of unused samples that a burst of requests can take.
	maxBudget = 100
	// maxPending is the number of samples between two snapshots.
	maxPending = int(Interval/refillInterval)*refillSamples + maxBudget
	// maxExchanges is the number of exchanges on the page.
	maxExchanges = 12
	// maxText is the number of bytes of a request or response on the page.
	maxText = 64
)

// A Sampler takes samples of the requests of a handler: at most 1,000 a second, spread over the
// second, and only while a page is open. A request of which it takes no sample costs it one load of
// a flag. The zero value is ready for use.
type Sampler struct {
	// Texts makes the page show the beginnings of requests and responses. Everyone who can open the
	// page can then read them. It must not be changed while requests arrive.
	Texts bool

	// open and budget share their cache lines with nothing that changes for each request.
	_      [64]byte
	open   atomic.Bool // the next request is a sample
	budget atomic.Int64
	_      [64]byte

	mu      sync.Mutex
	clients []netip.AddrPort       // of the samples since the last snapshot
	recent  [maxExchanges]exchange // a ring
	next    int                    // index in recent
	prefix  prefixCounter
}

// An exchange is a sample with all that the page shows of it.
type exchange struct {
	at                time.Time
	client            netip.AddrPort
	request, response int // bytes
	answered          bool
	duration          time.Duration
	requestText       [maxText]byte // its beginning
	responseText      [maxText]byte
}

// Around returns a handler that takes samples of the requests of h. A response that h defers counts
// as none.
func (s *Sampler) Around(h ohce.Handler) ohce.Handler {
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		if !s.open.Load() || !s.take() {
			h.ServeUDP(w, r)
			return
		}
		s.measure(h, w, r)
	})
}

// take takes a sample from the budget. It reports false if there is none left.
func (s *Sampler) take() bool {
	if s.budget.Add(-1) >= 0 {
		return true
	}
	s.open.Store(false)
	return false
}

// refill adds to the budget. It is called once each refillInterval while a page is open.
func (s *Sampler) refill() {
	s.budget.Store(min(max(s.budget.Load(), 0)+refillSamples, maxBudget))
	s.open.Store(true)
}

// pause stops taking samples and forgets all of them.
func (s *Sampler) pause() {
	s.open.Store(false)
	s.budget.Store(0)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients, s.recent, s.next, s.prefix = nil, [maxExchanges]exchange{}, 0, prefixCounter{}
}

// measure calls h and records the exchange, also if h panics.
func (s *Sampler) measure(h ohce.Handler, w *ohce.ResponseWriter, r *ohce.Request) {
	at, returned := time.Now(), false
	defer func() { s.record(at, w, r, returned) }()
	h.ServeUDP(w, r)
	returned = true
}

func (s *Sampler) record(at time.Time, w *ohce.ResponseWriter, r *ohce.Request, returned bool) {
	duration := time.Since(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clients) == maxPending {
		return // the snapshots are late
	}
	s.clients = append(s.clients, r.RemoteAddr)
	e := &s.recent[s.next%maxExchanges]
	s.next++
	*e = exchange{
		at: at, client: r.RemoteAddr, request: len(r.Data), duration: duration,
		answered: returned && w.Written(),
	}
	if e.answered {
		e.response = len(w.Bytes())
	}
	if s.Texts {
		copy(e.requestText[:], r.Data)
		copy(e.responseText[:], w.Bytes()[:e.response])
	}
}

// figures adds the samples since the last call to those of the preceding intervals. It returns the
// busiest prefixes among them, and the last exchanges.
func (s *Sampler) figures() (*prefixFigures, []exchangeFigure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prefix.add(s.clients)
	s.clients = s.clients[:0]
	return s.prefix.figures(), s.exchanges()
}
