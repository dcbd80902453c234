package ohce

import (
	"net/netip"
	"sync"
	"time"
)

// What the estimates of round trips begin with and are bounded by.
const (
	// rtoFirst is the retransmission timeout before anything is known: a second, as RFC 8085, section
	// 3.1.1, and RFC 8961, section 4, requirement 1, want it.
	rtoFirst = time.Second
	// rtoLeast is the shortest one. RFC 6298 has a second, for a protocol whose every timeout halves its
	// rate; RFC 8961 sets no bound, and RFC 8085 asks that it be based on measured round trips. Where
	// they are shorter than this, waiting costs a person nothing, and a busy machine is not taken for a
	// loss.
	rtoLeast = 50 * time.Millisecond
	// rtoGrain is the least that is added to a round trip (the clock granularity G of RFC 6298).
	rtoGrain = 10 * time.Millisecond

	// estimatorsMost is how many servers a client remembers.
	estimatorsMost = 1024
)

// An estimator keeps the smoothed round trip to one server and its variation (RFC 6298, section 2).
// Its zero value knows nothing. Only exchanges with one attempt count (Karn's rule, section 3).
type estimator struct {
	mu           sync.Mutex
	srtt, rttvar time.Duration
}

// sample takes in a round trip.
func (e *estimator) sample(rtt time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.srtt == 0 {
		e.srtt, e.rttvar = max(rtt, 1), rtt/2
		return
	}
	e.rttvar += ((rtt - e.srtt).Abs() - e.rttvar) / 4
	e.srtt += (rtt - e.srtt) / 8
}

// timeout is the retransmission timeout, and the round trip that it comes from, 0 if there was none.
func (e *estimator) timeout() (rto, srtt time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.srtt == 0 {
		return rtoFirst, 0
	}
	return max(e.srtt+max(rtoGrain, 4*e.rttvar), rtoLeast), e.srtt
}

// estimators are those of a client, by server.
type estimators struct {
	mu  sync.Mutex
	all map[netip.AddrPort]*estimator
}

// of finds the estimator of a server. One too many makes the client forget some other one.
func (es *estimators) of(server netip.AddrPort) *estimator {
	es.mu.Lock()
	defer es.mu.Unlock()
	e, ok := es.all[server]
	if ok {
		return e
	}
	if es.all == nil {
		es.all = make(map[netip.AddrPort]*estimator)
	}
	if len(es.all) == estimatorsMost {
		for other := range es.all {
			delete(es.all, other)
			break
		}
	}
	e = &estimator{}
	es.all[server] = e
	return e
}
