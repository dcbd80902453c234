package exchange

import "time"

// Received processes a datagram that arrived on a port at a given time, and returns the request that
// it answers, or nil. truncated means that its end is missing. The Machine does not retain data.
func (m *Machine) Received(at time.Time, id Port, data []byte, truncated bool) *Request {
	if m.cfg.OpenLoop && m.Expired(at) {
		m.Expire(at) // the driver is late; the datagram must not count as in time
	}
	if truncated || len(data) > m.cfg.MaxResponse {
		m.ignore(at, id, m.ports.all[id].soleRequest(at), data, Oversize)
		return nil
	}
	r, reason := m.match(id, data)
	if r == nil {
		only := m.ports.all[id].soleRequest(at)
		if only != nil && reason == Unexpected {
			only.Unexpected++
		}
		m.ignore(at, id, only, data, reason)
		return nil
	}
	cost := len(data)
	if m.cfg.Match.exact() {
		cost = 0 // the response is the key, which is already counted
	}
	if m.held+cost > m.cfg.MaxBytes && r != m.order.first() {
		m.ignore(at, id, r, data, Overflow)
		return nil
	}
	m.accept(at, r, data, cost)
	return r
}

// match returns the request that a datagram answers, or nil and the reason if it answers none.
func (m *Machine) match(id Port, data []byte) (*Request, Reason) {
	key, ok := data, true
	switch match := m.cfg.Match; {
	case match == nil:
		key = nil
	case match.ResponseKey != nil:
		m.key, ok = match.ResponseKey(m.key[:0], data)
		key = m.key
	}
	if !ok {
		return nil, Unexpected
	}
	hash := m.table.hash(id, key)
	r := m.table.find(hash, id, key)
	if r == nil || r.Begun.IsZero() { // not sent yet: the datagram cannot answer it
		return nil, m.ended.reason(hash)
	}
	if match := m.cfg.Match; match != nil && match.Accept != nil && !match.Accept(r.Data, data) {
		return nil, Unexpected
	}
	return r, 0
}

// accept ends an exchange with a datagram as its response.
func (m *Machine) accept(at time.Time, r *Request, data []byte, cost int) {
	if m.cfg.Match.exact() {
		r.Response = r.key
		if r.Response == nil {
			r.Response = []byte{}
		}
	} else {
		r.Response = append(make([]byte, 0, len(data)), data...)
	}
	r.held += cost
	m.held += cost
	m.largest = max(m.largest, cost)
	r.RTT = at.Sub(r.Sent)
	if r.RTT < 0 && !r.previous.IsZero() { // arrived before the last attempt was made
		r.RTT = at.Sub(r.previous)
	}
	r.RTT = max(r.RTT, 0)
	rtt := r.RTT
	if r.ambiguous {
		rtt = 0
	} else if e := r.Socket.RTT; e != nil {
		e.Sample(rtt)
		if e == m.rtt && m.srtt == 0 {
			m.firstSample(at)
		}
	}
	m.answered = max(m.answered, r.sequence+1)
	m.window.Answered(r.sequence, m.sequence, rtt, at)
	m.breaker.Answered(at)
	m.openErr = nil
	m.end(at, r, Answered, nil)
	r.Elapsed = max(r.Elapsed, r.RTT)
	m.observe(r.event(ResponseAccepted, at))
	if m.parkedCount > 0 {
		m.unpark()
	}
}

func (m *Machine) ignore(at time.Time, id Port, r *Request, data []byte, reason Reason) {
	m.cfg.Counters.Ignored[reason].Add(1)
	m.observe(Event{
		Kind: DatagramIgnored, Time: at, Port: id, Socket: m.ports.all[id].socketOf(), Request: r,
		Data: data, Reason: reason,
	})
}

// firstSample shortens the deadlines that were computed with initialRTO, when the first round-trip
// time is known. Later samples shorten no deadline.
func (m *Machine) firstSample(at time.Time) {
	m.updateRTO()
	for _, r := range m.deadlines {
		wait, ok := m.cfg.Schedule.timeout(r.Attempt, r.Sent.Sub(r.start), m.rto, m.srtt, r.jitter)
		if ok && wait < r.Wait {
			r.Wait = max(wait, at.Sub(r.Sent))
			r.deadline = r.Sent.Add(r.Wait)
		}
	}
	m.deadlines.init()
}
