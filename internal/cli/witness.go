package cli

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/sequence"
	"github.com/ohce/ohce/link/relay"
)

// A witness hears of an exchange from both, the client and the link in between, and makes one story of
// it. The link must neither double nor reorder: then the first request that it sees is the first attempt,
// and the first answer is that to the first request which it let through.
type witness struct {
	mu     sync.Mutex
	begun  time.Time
	x      sequence.Exchange
	client netip.AddrPort
	told   []sequence.Event // by the client
	seen   []passage        // by the link
}

// A passage is a datagram on the link.
type passage struct {
	at      time.Time
	up      bool
	client  netip.AddrPort
	payload sequence.Payload
	lost    bool
	after   time.Duration
}

// observe is the link's.
func (w *witness) observe(e relay.Event) {
	p := passage{at: e.Time, up: e.Up, client: e.Client, payload: sequence.Sample(e.Data)}
	if p.lost = len(e.Arrivals) == 0; !p.lost {
		p.after = e.Arrivals[0].After
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, p)
}

// tell is the client's.
func (w *witness) tell(a ohce.TraceAttempt, e sequence.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Kind == sequence.Sent {
		e.Datagram = e.Attempt
	}
	if len(w.told) == 0 {
		w.begun, w.client, w.x = time.Now().Add(-a.Elapsed), a.Local, exchangeOf(a)
	}
	w.told = append(w.told, e)
}

// answers is added to the number of an attempt to make that of its answer.
const answers = 1000

// story is the exchange that is over, and makes the witness ready for the next one.
func (w *witness) story() (sequence.Exchange, []sequence.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	events, arrived := w.passages()
	for _, e := range w.told {
		if (e.Kind == sequence.Accepted || e.Kind == sequence.Ignored) && len(arrived) > 0 {
			e.ResponseTo, arrived = arrived[0], arrived[1:]
			e.Datagram = answers + e.ResponseTo
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b sequence.Event) int { return cmp.Compare(a.Time, b.Time) })
	x := w.x
	w.told, w.seen = nil, nil
	return x, events
}

// passages are the events that the link saw, and the attempts whose answers came through, in their order.
func (w *witness) passages() (events []sequence.Event, arrived []int) {
	var served []int // attempts that reached the server
	attempt := 0
	for _, p := range w.seen {
		if p.client != w.client {
			continue
		}
		e := sequence.Event{Time: p.at.Sub(w.begun), Payload: p.payload, Kind: sequence.Lost}
		switch {
		case p.up:
			attempt++
			e.Attempt, e.Datagram = attempt, attempt
			if !p.lost {
				e.Kind, e.Time = sequence.Arrived, e.Time+p.after
				served = append(served, attempt)
			}
		case len(served) == 0:
			continue // an answer to nothing: not this server's
		default:
			e.ResponseTo, served = served[0], served[1:]
			e.Datagram = answers + e.ResponseTo
			answered := e
			answered.Kind = sequence.Answered
			events = append(events, answered)
			if !p.lost {
				arrived = append(arrived, e.ResponseTo)
				continue // the client tells of it
			}
		}
		events = append(events, e)
	}
	return events, arrived
}
