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

// A traceMerger merges the trace of a client with the observations of a link into the events of one
// exchange at a time.
//
// The link must neither duplicate nor reorder datagrams. Then the n-th request on the link is
// attempt n, and the responses on the link answer the delivered requests in order.
type traceMerger struct {
	mu       sync.Mutex
	start    time.Time // of the exchange
	x        sequence.Exchange
	client   netip.AddrPort
	traced   []sequence.Event // by the client
	observed []observation    // by the link
}

// An observation is a datagram on the link.
type observation struct {
	at      time.Time
	up      bool
	client  netip.AddrPort
	payload sequence.Payload
	lost    bool
	delay   time.Duration
}

// addLink adds an event of the link.
func (m *traceMerger) addLink(e relay.Event) {
	o := observation{at: e.Time, up: e.Up, client: e.Client, payload: sequence.Sample(e.Data)}
	if o.lost = len(e.Arrivals) == 0; !o.lost {
		o.delay = e.Arrivals[0].After
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.observed = append(m.observed, o)
}

// addClient adds an event of the client's trace.
func (m *traceMerger) addClient(a ohce.TraceAttempt, e sequence.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e.Kind == sequence.Sent {
		e.Datagram = e.Attempt
	}
	if len(m.traced) == 0 {
		m.start, m.client, m.x = time.Now().Add(-a.Elapsed), a.Local, exchangeOf(a)
	}
	m.traced = append(m.traced, e)
}

// responseOffset plus the number of an attempt is the datagram number of its response.
const responseOffset = 1000

// exchange returns the events of the exchange that has ended, and resets m for the next one.
func (m *traceMerger) exchange() (sequence.Exchange, []sequence.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	events, delivered := m.linkEvents()
	for _, e := range m.traced {
		if (e.Kind == sequence.Accepted || e.Kind == sequence.Ignored) && len(delivered) > 0 {
			e.ResponseTo, delivered = delivered[0], delivered[1:]
			e.Datagram = responseOffset + e.ResponseTo
		}
		events = append(events, e)
	}
	slices.SortStableFunc(events, func(a, b sequence.Event) int { return cmp.Compare(a.Time, b.Time) })
	x := m.x
	m.traced, m.observed = nil, nil
	return x, events
}

// linkEvents returns the events that the link observed, and the attempts whose responses it
// delivered to the client, in order.
func (m *traceMerger) linkEvents() (events []sequence.Event, delivered []int) {
	var atServer []int // attempts that the server has not answered
	attempt := 0
	for _, o := range m.observed {
		if o.client != m.client {
			continue
		}
		e := sequence.Event{Time: o.at.Sub(m.start), Payload: o.payload, Kind: sequence.Lost}
		switch {
		case o.up:
			attempt++
			e.Attempt, e.Datagram = attempt, attempt
			if !o.lost {
				e.Kind, e.Time = sequence.Arrived, e.Time+o.delay
				atServer = append(atServer, attempt)
			}
		case len(atServer) == 0:
			continue // not a response of this server
		default:
			e.ResponseTo, atServer = atServer[0], atServer[1:]
			e.Datagram = responseOffset + e.ResponseTo
			answered := e
			answered.Kind = sequence.Answered
			events = append(events, answered)
			if !o.lost {
				delivered = append(delivered, e.ResponseTo)
				continue // the client's trace has the arrival
			}
		}
		events = append(events, e)
	}
	return events, delivered
}
