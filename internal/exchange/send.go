package exchange

import "time"

// A Step is the work that Next assigns to the driver. Its slices are valid until the next call of
// Next.
type Step struct {
	// Open lists the ports whose sockets must be opened. The driver reports the result with Opened
	// or Failed.
	Open []Port
	// Send lists the requests whose Data must be sent on the socket of their Port. The driver
	// reports each result with Sent.
	Send []*Request
	// Close lists the ports whose sockets are no longer used.
	Close []Port
	// Wake is the time at which the driver must call Expire and Next again. If zero, it need not
	// until a datagram arrives.
	Wake time.Time
}

// Next returns the step to carry out at now.
func (m *Machine) Next(now time.Time) Step {
	m.updateRTO()
	m.step.Send = m.step.Send[:0]
	m.endUntried(now)
	m.retryBlocked(now)
	allowed, delay := m.pacer.Allowed(now, m.srtt, m.window.Limit())
	for len(m.step.Send) < allowed {
		r := m.nextDue(now)
		if r == nil {
			break
		}
		m.attempt(now, r)
	}
	m.pacer.Sent(len(m.step.Send))
	if m.pending >= m.window.Limit() {
		m.window.Filled()
	}
	s := m.step
	s.Wake = m.wake(now, delay)
	m.step.Open, m.step.Close = nil, nil
	return s
}

// endUntried ends the requests that an open circuit prevents from being sent.
func (m *Machine) endUntried(now time.Time) {
	if m.parkedCount > 0 || m.breaker.State(now) != Open || m.breaker.Patient(now) {
		return
	}
	for m.ready.len() > 0 {
		r := m.ready.pop()
		if m.openErr != nil {
			m.end(now, r, NoSocket, m.openErr)
			continue
		}
		m.end(now, r, Down, ErrNotTried)
	}
}

// retryBlocked queues the blocked requests for transmission if a port may be free for them.
func (m *Machine) retryBlocked(now time.Time) {
	if len(m.blocked) == 0 {
		return
	}
	if at, ok := m.unblockTime(); !m.freed && (!ok || now.Before(at)) {
		return
	}
	m.freed = false
	blocked := m.blocked
	m.blocked = nil
	for _, r := range blocked {
		m.due.push(r)
	}
}

// unblockTime returns the earliest time at which the key of a blocked request can be used again on
// the shared port. It returns false if no request waits for a time.
func (m *Machine) unblockTime() (at time.Time, ok bool) {
	p := m.ports.shared
	if p == nil {
		return time.Time{}, false
	}
	for _, r := range m.blocked {
		hash := m.table.hash(p.id, r.key)
		if m.table.find(hash, p.id, r.key) != nil {
			continue // waits for the request with this key to end
		}
		if reuse := m.ended.reuse(hash); !ok || reuse.Before(at) {
			at, ok = reuse, true
		}
	}
	return at, ok
}

// nextDue removes and returns the next request to send at now, or returns nil.
func (m *Machine) nextDue(now time.Time) *Request {
	if !m.hasDue(now) {
		return nil
	}
	switch {
	case m.due.len() > 0:
		return m.due.pop()
	case m.parkedCount > 0 && m.ready.len() == 0:
		return m.popParked()
	}
	r := m.ready.pop()
	if m.breaker.State(now) == HalfOpen {
		m.probe = r
	}
	return r
}

// hasDue reports whether a request is due, apart from pacing. Retransmissions come before new
// requests. During an outage, one request is sent at a time. It is a new one if possible, because
// the server may answer again but ignore the parked requests. While the circuit is half-open, one
// new request is sent.
func (m *Machine) hasDue(now time.Time) bool {
	for m.due.len() > 0 && (m.due.first().done() || m.due.first().parked) {
		m.due.pop()
	}
	switch {
	case m.due.len() > 0:
		return true
	case m.parkedCount > 0:
		return m.inFlight == 0
	case m.ready.len() == 0:
		return false
	}
	switch m.breaker.State(now) {
	case Open:
		return false
	case HalfOpen:
		return m.probe == nil || m.probe.done()
	default:
		return true
	}
}

// attempt adds a request to the step, or makes it wait for a port.
func (m *Machine) attempt(now time.Time, r *Request) {
	if r.port == nil && !m.place(now, r) {
		m.blocked = append(m.blocked, r)
		return
	}
	p := r.port
	if p.socket == nil {
		p.waiting = append(p.waiting, r)
		return
	}
	if len(r.Data) > p.socket.MaxRequest {
		m.end(now, r, TooLong, nil)
		return
	}
	wait, ok := m.timeout(now, r)
	if !ok {
		m.exhausted(now, r)
		return
	}
	if r.Begun.IsZero() {
		r.Begun = now
		r.sequence = m.sequence
		m.sequence++
	}
	if r.Attempt == 0 {
		r.start = now
	}
	r.Socket = p.socket
	r.Attempt++
	r.ambiguous = r.ambiguous || r.Attempt > 1
	r.previous, r.Sent, r.Wait = r.Sent, now, wait
	r.deadline = now.Add(wait)
	m.deadlines.add(r)
	m.step.Send = append(m.step.Send, r)
}

// Sent records the result of an attempt in a Step. err is nil if the kernel accepted the datagram.
// A refused attempt counts as lost. If permanent is true, no later attempt can succeed, and the
// exchange ends.
func (m *Machine) Sent(now time.Time, r *Request, err error, permanent bool) {
	if err == nil {
		r.Transmitted++
		m.cfg.Counters.Sent.Add(1)
	} else {
		m.cfg.Counters.Unsent.Add(1)
	}
	e := r.event(AttemptSent, r.Sent)
	e.Err = err
	m.observe(e)
	switch {
	case err == nil || r.done():
	case permanent:
		m.end(now, r, TooLong, err)
	default:
		r.Cause, r.causeTime = err, now
	}
}

// wake returns when Next must be called again. delay is the delay of the pacer.
func (m *Machine) wake(now time.Time, delay time.Duration) time.Time {
	wake := m.deadlines.next()
	earliest := func(t time.Time) {
		if wake.IsZero() || t.Before(wake) {
			wake = t
		}
	}
	if m.hasDue(now) {
		earliest(now.Add(max(delay, minPacingDelay)))
	}
	if m.parkedCount > 0 {
		earliest(m.breaker.PatienceEnd())
	}
	if m.parkedCount == 0 && m.ready.len() > 0 && m.breaker.State(now) == Open {
		earliest(m.breaker.HalfOpenTime())
	}
	if len(m.blocked) > 0 && m.freed {
		earliest(now)
	}
	if at, ok := m.unblockTime(); ok {
		earliest(at)
	}
	return wake
}
