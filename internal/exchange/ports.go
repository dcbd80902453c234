package exchange

import (
	"net/netip"
	"slices"
	"time"
)

// ports holds the sockets of a Machine.
type ports struct {
	all    map[Port]*port
	shared *port   // the port used for every key that it can take; nil without a Matcher
	idle   []*port // other ports without requests
	next   Port
}

// A port is a socket.
type port struct {
	id        Port
	socket    *Socket    // nil until it has been opened
	pending   int        // placed requests that have not ended
	last      *Request   // the request placed last
	waiting   []*Request // waiting for the socket to open
	failed    bool       // the port is no longer used
	cause     error      // the last error reported by the network
	causeTime time.Time
}

// soleRequest returns the only request in flight if it was sent before at. It returns nil if there
// is none, if it was sent later, or if there are several.
func (p *port) soleRequest(at time.Time) *Request {
	if p == nil || p.pending != 1 || p.last.done() || p.last.Begun.IsZero() || at.Before(p.last.Begun) {
		return nil
	}
	return p.last
}

// socketOf returns the socket of a port, or nil if there is none.
func (p *port) socketOf() *Socket {
	if p == nil {
		return nil
	}
	return p.socket
}

// place chooses a port for a request. It returns false if no port can take its key.
func (m *Machine) place(now time.Time, r *Request) bool {
	p := m.portFor(now, r)
	if p == nil {
		return false
	}
	r.Port, r.port = p.id, p
	r.hash = m.table.hash(p.id, r.key)
	m.table.add(r)
	p.last = r
	p.pending++
	m.inFlight++
	return true
}

func (m *Machine) portFor(now time.Time, r *Request) *port {
	ps := &m.ports
	if p := ps.shared; p != nil && m.canTake(now, p, r) {
		return p
	}
	if m.cfg.Match != nil && ps.shared == nil {
		if ps.shared = m.newPort(); ps.shared != nil {
			return ps.shared
		}
	}
	for n := len(ps.idle); n > 0; n = len(ps.idle) {
		p := ps.idle[n-1]
		ps.idle = ps.idle[:n-1]
		if m.canTake(now, p, r) {
			return p
		}
		m.retire(p)
	}
	return m.newPort()
}

// canTake reports whether a port can take the key of a request. No other request in flight there
// may have the key, and no late response to an earlier one may arrive. If the key is the whole
// response, neither matters.
func (m *Machine) canTake(now time.Time, p *port, r *Request) bool {
	if m.cfg.Match.exact() {
		return true
	}
	hash := m.table.hash(p.id, r.key)
	return m.table.find(hash, p.id, r.key) == nil && !now.Before(m.ended.reuse(hash))
}

// Shared reports whether requests share the socket of a port.
func (m *Machine) Shared(id Port) bool {
	return m.ports.shared != nil && m.ports.shared.id == id
}

// newPort creates a port and requests its socket. It returns nil if MaxPorts is reached.
func (m *Machine) newPort() *port {
	if len(m.ports.all) >= m.cfg.MaxPorts {
		return nil
	}
	p := &port{id: m.ports.next}
	m.ports.next++
	if m.ports.all == nil {
		m.ports.all = make(map[Port]*port)
	}
	m.ports.all[p.id] = p
	m.step.Open = append(m.step.Open, p.id)
	return p
}

// retire removes a port and requests that its socket be closed.
func (m *Machine) retire(p *port) {
	delete(m.ports.all, p.id)
	if p.socket != nil {
		m.step.Close = append(m.step.Close, p.id)
	}
}

// leavePort removes a request whose exchange has ended from its port.
func (m *Machine) leavePort(now time.Time, r *Request) {
	m.table.remove(r)
	m.freed = true
	p := r.port
	if !r.Begun.IsZero() {
		m.ended.add(r.hash, now, r.Outcome == Answered)
	}
	if r.Outcome != Answered && p.cause != nil && !p.causeTime.Before(r.start) &&
		(r.Cause == nil || p.causeTime.After(r.causeTime)) {
		r.Cause = p.cause
	}
	if p.pending--; p.pending > 0 || p == m.ports.shared || p.socket == nil || p.failed {
		return
	}
	if m.cfg.Match == nil {
		m.retire(p)
		return
	}
	m.ports.idle = append(m.ports.idle, p)
}

// A Socket describes an open socket.
type Socket struct {
	// Local and Remote are the addresses of the socket and of its server. The Machine does not use
	// them.
	Local, Remote netip.AddrPort
	// MaxRequest is the length in bytes of the longest datagram that can be sent.
	MaxRequest int
	// RTT is the estimator for the server that the socket is connected to.
	RTT *Estimator
}

// Opened records that the socket of a port has been opened.
func (m *Machine) Opened(id Port, s *Socket) {
	p := m.ports.all[id]
	if p == nil {
		m.step.Close = append(m.step.Close, id)
		return
	}
	m.freed = true
	m.openErr = nil
	m.rtt = s.RTT
	p.socket = s
	for _, r := range p.waiting {
		m.due.push(r)
	}
	p.waiting = nil
}

// Failed records that the socket of a port could not be opened or can no longer be used. The
// requests on it end with NoSocket. If shortage is true, the system has no more sockets: the
// requests then wait for other open sockets, if there are any, and the Machine uses no more than
// those.
func (m *Machine) Failed(now time.Time, id Port, err error, shortage bool) {
	p := m.ports.all[id]
	if p == nil {
		return
	}
	delete(m.ports.all, id)
	p.failed = true
	m.ports.idle = slices.DeleteFunc(m.ports.idle, func(q *port) bool { return q == p })
	if m.ports.shared == p {
		m.ports.shared = nil
	}
	if shortage && len(m.ports.all) > 0 {
		m.cfg.MaxPorts = len(m.ports.all)
		if m.cfg.Match == nil {
			m.window.Max = min(int(m.window.max()), m.cfg.MaxPorts)
		}
		m.requeueWaiting(p)
		return
	}
	m.openErr = err
	m.freed = true
	m.breaker.Failed(0, now, now) // once, however many requests were on the port
	for _, r := range m.requestsOn(id) {
		m.end(now, r, NoSocket, err)
	}
}

// requeueWaiting moves the requests that wait for a port to the blocked requests.
func (m *Machine) requeueWaiting(p *port) {
	m.freed = true // otherwise Next would not retry them
	for _, r := range p.waiting {
		m.table.remove(r)
		r.port = nil
		m.inFlight--
		m.blocked = append(m.blocked, r)
	}
}

// requestsOn returns the pending requests on a port, oldest first.
func (m *Machine) requestsOn(id Port) (all []*Request) {
	for _, r := range m.order.items[m.order.head:] {
		if r.port != nil && r.Port == id && !r.done() {
			all = append(all, r)
		}
	}
	return all
}

// Unreachable records that an ICMP port unreachable message arrived at a port. err is its error.
// The message does not identify the datagram that caused it.
func (m *Machine) Unreachable(now time.Time, id Port, err error) {
	m.cfg.Counters.Unreachable.Add(1)
	p := m.ports.all[id]
	m.observe(Event{
		Kind: PortUnreachable, Time: now, Port: id, Socket: p.socketOf(), Request: p.soleRequest(now),
	})
	if p == nil {
		return
	}
	p.cause, p.causeTime = err, now
	if !m.cfg.FailFast {
		return
	}
	for _, r := range m.requestsOn(id) {
		if !r.Begun.IsZero() {
			m.end(now, r, Unreachable, nil)
		}
	}
}

// ReadFailed records a read error that leaves the socket of a port usable.
func (m *Machine) ReadFailed(now time.Time, id Port, err error) {
	if p := m.ports.all[id]; p != nil {
		p.cause, p.causeTime = err, now
	}
}
