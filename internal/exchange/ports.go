package exchange

import (
	"net/netip"
	"slices"
	"time"
)

// ports are the sockets of a Machine.
type ports struct {
	all    map[Port]*port
	shared *port   // the one that takes every key it can, if there is a Matcher
	idle   []*port // the others that have no request
	next   Port
}

// A port is a socket.
type port struct {
	id        Port
	socket    *Socket    // nil until it has been opened
	pending   int        // requests that are placed on it and have not ended
	last      *Request   // the request that was placed last
	waiting   []*Request // for the socket to open
	failed    bool       // and not used any more
	cause     error      // what the network reported last
	causeTime time.Time
}

// only is the one request that is in flight and was sent before at, or nil if there are none or several.
func (p *port) only(at time.Time) *Request {
	if p == nil || p.pending != 1 || p.last.done() || p.last.Begun.IsZero() || at.Before(p.last.Begun) {
		return nil
	}
	return p.last
}

// socketOf is the socket of a port, or nil if there is none.
func (p *port) socketOf() *Socket {
	if p == nil {
		return nil
	}
	return p.socket
}

// place chooses a port for a request. It returns false if there is none that may take its key.
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
	if p := ps.shared; p != nil && m.takes(now, p, r) {
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
		if m.takes(now, p, r) {
			return p
		}
		m.retire(p)
	}
	return m.newPort()
}

// takes reports whether a port can take the key of a request: no other request in flight has it
// there, and no late response to an earlier one can arrive. If the key is the whole response, that
// does not matter.
func (m *Machine) takes(now time.Time, p *port, r *Request) bool {
	if m.cfg.Match.exact() {
		return true
	}
	hash := m.table.hash(p.id, r.key)
	return m.table.find(hash, p.id, r.key) == nil && !now.Before(m.ended.reuse(hash))
}

// Shared reports whether many requests share the socket of a port.
func (m *Machine) Shared(id Port) bool {
	return m.ports.shared != nil && m.ports.shared.id == id
}

// newPort makes a port and asks for its socket. It returns nil if there are too many.
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

// retire gives up a port and asks for its socket to be closed.
func (m *Machine) retire(p *port) {
	delete(m.ports.all, p.id)
	if p.socket != nil {
		m.step.Close = append(m.step.Close, p.id)
	}
}

// leavePort takes a request whose exchange has ended off its port.
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

// A Socket describes a socket that has been opened.
type Socket struct {
	// Local and Remote are the addresses of the socket and of its server. A Machine does not use
	// them.
	Local, Remote netip.AddrPort
	// MaxRequest is the length of the longest datagram that the socket's protocol carries.
	MaxRequest int
	// RTT is the estimator of the server that the socket is connected to.
	RTT *Estimator
}

// Opened notes that the socket of a port has been opened.
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

// Failed notes that the socket of a port could not be opened, or cannot be used any more. The
// requests on it end with NoSocket. If the cause is a shortage of sockets, and other sockets are
// open, they wait for one of those instead, and fewer are used from then on.
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
		m.displace(p)
		return
	}
	m.openErr = err
	m.freed = true
	m.breaker.Failed(0, now, now) // once, however many requests were on the port
	for _, r := range m.on(id) {
		m.end(now, r, NoSocket, err)
	}
}

// displace makes the requests that wait for a port wait for another one.
func (m *Machine) displace(p *port) {
	m.freed = true // otherwise Next would not retry the requests that become blocked here
	for _, r := range p.waiting {
		m.table.remove(r)
		r.port = nil
		m.inFlight--
		m.blocked = append(m.blocked, r)
	}
}

// on returns the requests on a port that have not ended, oldest first.
func (m *Machine) on(id Port) (all []*Request) {
	for _, r := range m.order.items[m.order.head:] {
		if r.port != nil && r.Port == id && !r.done() {
			all = append(all, r)
		}
	}
	return all
}

// Unreachable notes that an ICMP port unreachable message arrived at a port, as the error err. It
// concerns some datagram that was sent from there.
func (m *Machine) Unreachable(now time.Time, id Port, err error) {
	m.cfg.Counters.Unreachable.Add(1)
	p := m.ports.all[id]
	m.observe(Event{
		Kind: PortUnreachable, Time: now, Port: id, Socket: p.socketOf(), Request: p.only(now),
	})
	if p == nil {
		return
	}
	p.cause, p.causeTime = err, now
	if !m.cfg.FailFast {
		return
	}
	for _, r := range m.on(id) {
		if !r.Begun.IsZero() {
			m.end(now, r, Unreachable, nil)
		}
	}
}

// ReadFailed notes that reading from a port has failed with an error that leaves the socket usable.
func (m *Machine) ReadFailed(now time.Time, id Port, err error) {
	if p := m.ports.all[id]; p != nil {
		p.cause, p.causeTime = err, now
	}
}
