package exchange

import (
	"math/rand/v2"
	"time"
)

const (
	// maxRequests is the largest number of requests that a Machine holds, in flight or finished and
	// not popped.
	maxRequests = 1 << 16
	// defaultMaxBytes is the default of Config.MaxBytes.
	defaultMaxBytes = 64 << 20
	// requestOverhead is the memory in bytes that a request takes besides its content, for its
	// records in queues and tables.
	requestOverhead = 512
	// reuseDelay is how long after the end of an exchange its key is not used again on the port.
	// Two minutes would be safe on every network (RFC 7252, section 4.8.2: MAX_LATENCY is 100 s),
	// but delays of more than ten seconds have not been seen in practice.
	reuseDelay = 10 * time.Second
)

// A Config is the configuration of a Machine.
type Config struct {
	// Schedule is the schedule of attempts for each request.
	Schedule Schedule
	// Match finds the request that a response belongs to. If nil, any datagram is accepted, and
	// each request has a port of its own.
	Match *Matcher
	// FailFast ends an exchange when an ICMP port unreachable message arrives.
	FailFast bool
	// Window limits the requests in flight.
	Window Window
	// MaxPorts is the largest number of open sockets. If less than 1, it is 1.
	MaxPorts int
	// MaxBytes limits the memory in bytes of requests and responses. A single request and its
	// response are always accepted. If zero, it is 64 MiB.
	MaxBytes int
	// MaxResponse is the length in bytes of the longest accepted response.
	MaxResponse int
	// Patience is the Patience of the Breaker. It has no effect with OpenLoop.
	Patience time.Duration
	// OpenLoop sends each request at once, whatever the network and the server do. Only
	// Window.Max, MaxPorts and MaxBytes limit the requests in flight.
	OpenLoop bool
	// Counters receives the counts. It must not be nil.
	Counters *Counters
	// Observe, if not nil, is called for each Event.
	Observe func(Event)
}

// A Machine is the state machine of the requests in flight. See the package comment for its use.
type Machine struct {
	cfg     Config
	order   queue[*Request] // not yet popped, in the order of Submit
	ready   queue[*Request] // not yet sent
	due     queue[*Request] // to be retransmitted, or first sent on a socket that has opened
	parked  queue[*Request] // waiting for the server to answer again; see Breaker
	blocked []*Request      // waiting for a socket on which their key can be used

	pending     int      // requests that have not ended
	inFlight    int      // pending requests on a port that are not parked
	parkedCount int      // pending requests that are parked
	freed       bool     // a blocked request may fit, because an exchange has ended or a socket opened
	held        int      // bytes of requests and responses
	reserved    int      // bytes reserved for the responses to pending requests
	largest     int      // length of the longest response so far
	longestKey  int      // length of the longest key so far
	sequence    uint64   // of the next first attempt
	answered    uint64   // one more than the sequence of the latest answered request
	probe       *Request // the request sent while the circuit is half-open
	openErr     error    // the error of the last socket, if it could not be opened

	table     table
	ended     endedExchanges
	deadlines deadlines
	ports     ports
	window    Window
	pacer     Pacer
	breaker   Breaker
	rtt       *Estimator
	rto, srtt time.Duration // from rtt, updated by updateRTO
	key       []byte        // the key of a response; its memory is reused
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
	if cfg.OpenLoop {
		m.window.Min = int(m.window.max())
		m.breaker = Breaker{Disabled: true}
		m.pacer.Disabled = true
	}
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

// Pending returns the number of requests that have not ended.
func (m *Machine) Pending() int { return m.pending }

// Len returns the number of requests that have not been popped.
func (m *Machine) Len() int { return m.order.len() }

// Held returns the number of bytes held for requests and responses.
func (m *Machine) Held() int { return m.held }

// Cost returns how much of the room returned by Room a request of n bytes takes, including its key
// and its response. The lengths of the last two are estimated by the longest so far, and at least
// n.
func (m *Machine) Cost(n int) int {
	cost := requestOverhead + n + m.reserve(n)
	if m.cfg.Match != nil {
		cost += max(n, m.longestKey)
	}
	return cost
}

// reserve returns the room reserved for the response to a request of n bytes. It is an estimate:
// the length of the longest response so far, and at least n.
func (m *Machine) reserve(n int) int {
	if m.cfg.Match.exact() {
		return 0 // the key is the response
	}
	return max(n, m.largest)
}

// Room returns how many requests may be submitted now, and their total size in bytes, measured by
// Cost. If the Machine holds no request, the next one may have any size. If n is 0 and delay is
// positive, the caller should call Room again after delay.
func (m *Machine) Room(now time.Time) (n, bytes int, delay time.Duration) {
	bytes = m.cfg.MaxBytes - m.held - m.reserved
	n = maxRequests - m.order.len()
	if bytes <= 0 && m.order.len() > 0 || n <= 0 {
		return 0, 0, 0
	}
	if m.cfg.Match != nil && m.longestKey == 0 {
		n = 1 // the length of keys is not yet known
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

// Pop removes and returns the oldest request if its exchange has ended. Otherwise it returns nil.
// Requests are popped in the order of Submit, in whatever order they end.
func (m *Machine) Pop() *Request {
	if !m.Finished() {
		return nil
	}
	r := m.order.pop()
	m.held -= r.held
	return r
}

// Abort ends all pending requests as Aborted.
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

// Observed reports whether Config.Observe is set.
func (m *Machine) Observed() bool { return m.cfg.Observe != nil }

// observe passes an event to Config.Observe.
func (m *Machine) observe(e Event) {
	if m.cfg.Observe != nil {
		m.cfg.Observe(e)
	}
}
