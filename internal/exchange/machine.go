package exchange

import (
	"math/rand/v2"
	"time"
)

const (
	// maxRequests is the number of requests that a Machine holds at most: in flight, or finished
	// and waiting for an earlier one.
	maxRequests = 1 << 16
	// defaultMaxBytes is Config.MaxBytes if that is 0.
	defaultMaxBytes = 64 << 20
	// requestOverhead is what a request costs besides its bytes: its records, and their share of
	// the queues and tables.
	requestOverhead = 512
	// reuseDelay is how long a key is not used again on a port after its exchange has ended. Two
	// minutes would be safe for every network (RFC 7252, section 4.8.2: MAX_LATENCY is 100 s); a
	// datagram that is late by more than ten seconds has not been seen in practice.
	reuseDelay = 10 * time.Second
)

// A Config is the configuration of a Machine.
type Config struct {
	// Schedule says when a request is sent again and when its exchange ends.
	Schedule Schedule
	// Match finds the request of a response. nil accepts any datagram; then each request has a port
	// of its own.
	Match *Matcher
	// FailFast ends an exchange when an ICMP port unreachable message arrives.
	FailFast bool
	// Window limits the requests in flight.
	Window Window
	// MaxPorts is the number of sockets that may be open at once. Less than 1 means 1.
	MaxPorts int
	// MaxBytes limits the bytes of requests and responses that are held, not counting one response.
	// 0 means 64 MiB.
	MaxBytes int
	// MaxResponse is the length of the longest response that is accepted.
	MaxResponse int
	// Patience is that of the Breaker.
	Patience time.Duration
	// Counters count what happens. It must not be nil.
	Counters *Counters
	// Observe, if not nil, is called for each Event.
	Observe func(Event)
}

// A Machine keeps requests in flight. See the package comment for its use.
type Machine struct {
	cfg     Config
	order   queue[*Request] // not popped yet, in the order of Submit
	ready   queue[*Request] // not sent yet
	due     queue[*Request] // to be sent now: again, or because their socket has opened
	parked  queue[*Request] // kept until the server answers again; see Breaker
	blocked []*Request      // until a socket can take their key

	pending     int      // requests that have not ended
	inFlight    int      // of them, those that are on a port and neither parked nor done
	parkedCount int      // of them, those that are parked
	freed       bool     // an exchange has ended since the blocked ones were last tried
	held        int      // bytes
	reserved    int      // bytes, for the responses of pending requests
	largest     int      // length of the longest response so far
	longestKey  int      // length of the longest key so far
	sequence    uint64   // of the next request that is sent for the first time
	answered    uint64   // the sequence behind the latest request that has been answered
	probe       *Request // the one that is sent while the circuit is half-open
	openErr     error    // why the last socket could not be opened

	table     table
	ended     endedExchanges
	deadlines deadlines
	ports     ports
	window    Window
	pacer     Pacer
	breaker   Breaker
	rtt       *Estimator
	rto, srtt time.Duration // of rtt, as of the current call
	key       []byte        // of a response; its room is used again
	step      Step
}

// New returns a Machine without requests.
func New(cfg Config) *Machine {
	cfg.MaxPorts = max(cfg.MaxPorts, 1)
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxBytes
	}
	m := &Machine{cfg: cfg, window: cfg.Window, breaker: Breaker{Patience: cfg.Patience}}
	if cfg.Match == nil {
		m.window.Max = min(int(m.window.max()), cfg.MaxPorts)
	}
	m.breaker.InFlight = int(m.window.max())
	m.table.init()
	m.ended.limit = maxReserved
	if cfg.Match.exact() {
		m.ended.limit = maxDuplicates
	}
	m.updateRTO()
	return m
}

func (m *Machine) updateRTO() {
	m.rto, m.srtt = initialRTO, 0
	if m.rtt != nil {
		m.rto, m.srtt = m.rtt.Timeout()
	}
}

// Pending is the number of requests that have not ended.
func (m *Machine) Pending() int { return m.pending }

// Len is the number of requests that have not been popped.
func (m *Machine) Len() int { return m.order.len() }

// Held is the number of bytes that are held.
func (m *Machine) Held() int { return m.held }

// Cost returns how many bytes a request of n bytes takes of the room that Room returns: its own, those of
// its key and those of the response. The last two are guesses: as long as the longest one so far, or as
// the request.
func (m *Machine) Cost(n int) int {
	cost := requestOverhead + n + m.reserve(n)
	if m.cfg.Match != nil {
		cost += max(n, m.longestKey)
	}
	return cost
}

// reserve is the room that is kept for the response to a request of n bytes. It is a guess: as long
// as the longest response so far, or as the request.
func (m *Machine) reserve(n int) int {
	if m.cfg.Match.exact() {
		return 0 // the key is the response
	}
	return max(n, m.largest)
}

// Room returns how many requests may be submitted now, and of how many bytes in all, measured by Cost.
// If nothing is held, a request of any length may be submitted. If n is 0 and delay is not, there is more
// room after delay.
func (m *Machine) Room(now time.Time) (n, bytes int, delay time.Duration) {
	bytes = m.cfg.MaxBytes - m.held - m.reserved
	n = maxRequests - m.order.len()
	if bytes <= 0 && m.order.len() > 0 || n <= 0 {
		return 0, 0, 0
	}
	if m.cfg.Match != nil && m.longestKey == 0 {
		n = 1 // the length of keys is not known
	}
	switch state := m.breaker.State(now); {
	case m.parkedCount > 0 && (m.inFlight > 0 || m.ready.len() > 0):
		return 0, 0, 0
	case m.parkedCount > 0:
		return 1, bytes, 0
	case state == Open && m.breaker.Patient(now):
		return 0, 0, m.breaker.HalfOpenTime().Sub(now)
	case state == Open:
		return n, bytes, 0
	case state == HalfOpen && m.pending > 0:
		return 0, 0, 0
	case state == HalfOpen:
		return 1, bytes, 0
	}
	limit := m.window.Limit()
	if m.pending >= limit {
		m.window.Filled()
		return 0, 0, 0
	}
	allowed, delay := m.pacer.Allowed(now, m.srtt, limit)
	if allowed -= m.due.len() + m.ready.len(); allowed <= 0 {
		return 0, 0, max(delay, minPacingDelay)
	}
	return min(n, allowed, limit-m.pending), bytes, 0
}

// Submit adds a request. The Machine owns data from then on. number identifies the request for the
// driver.
func (m *Machine) Submit(number uint64, data []byte) *Request {
	r := &Request{Number: number, Data: data, jitter: 1 + maxJitter*rand.Float64()}
	if m.cfg.Match != nil {
		r.key = m.cfg.Match.RequestKey(nil, data)
		m.longestKey = max(m.longestKey, len(r.key), 1)
	}
	r.held = requestOverhead + len(data) + len(r.key)
	r.reserved = m.reserve(len(data))
	m.held += r.held
	m.reserved += r.reserved
	m.pending++
	m.order.push(r)
	m.ready.push(r)
	return r
}

// Finished reports whether Pop would return a request.
func (m *Machine) Finished() bool { return m.order.len() > 0 && m.order.first().done() }

// Pop removes and returns the oldest request if its exchange has ended, or returns nil. Requests
// end in any order and are popped in the order of Submit.
func (m *Machine) Pop() *Request {
	if !m.Finished() {
		return nil
	}
	r := m.order.pop()
	m.held -= r.held
	return r
}

// Abort ends the requests that have not ended as Aborted.
func (m *Machine) Abort(now time.Time) {
	for _, r := range m.order.items[m.order.head:] {
		if !r.done() {
			m.end(now, r, Aborted, nil)
		}
	}
}

// end ends an exchange.
func (m *Machine) end(now time.Time, r *Request, outcome Outcome, cause error) {
	r.Outcome = outcome
	if !r.Begun.IsZero() {
		r.Elapsed = max(now.Sub(r.Begun), 0)
	}
	if cause != nil {
		r.Cause = cause
	}
	m.deadlines.remove(r)
	if r.port != nil {
		m.leavePort(now, r)
	}
	if r.parked {
		r.parked = false
		m.parkedCount--
	} else if r.port != nil {
		m.inFlight--
	}
	m.pending--
	m.reserved -= r.reserved
	switch c := m.cfg.Counters; outcome {
	case Answered:
		c.Answered.Add(1)
	case Down:
		c.Down.Add(1)
	default:
		c.Failed.Add(1)
	}
}

// Observed reports whether there is a Config.Observe.
func (m *Machine) Observed() bool { return m.cfg.Observe != nil }

// observe reports an event.
func (m *Machine) observe(e Event) {
	if m.cfg.Observe != nil {
		m.cfg.Observe(e)
	}
}
