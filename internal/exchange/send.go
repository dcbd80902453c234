package exchange

import "time"

// A Step is what a driver has to do. Its slices are valid until the next call of Next.
type Step struct {
	// Open lists ports whose sockets are to be opened; Opened or Failed reports the result.
	Open []Port
	// Send lists requests whose Data is to be sent now on the socket of their Port; Sent reports
	// the result of each.
	Send []*Request
	// Close lists ports that are not used any more.
	Close []Port
	// Wake is when to call Expire and Next again, whatever arrives. The zero Time means that
	// nothing depends on time.
	Wake time.Time
}

// Next returns what is to be done now.
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

// endUntried ends the requests that an open circuit keeps from being sent.
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

// retryBlocked makes the blocked requests ready again if a port may take them now.
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

// unblockTime returns when the key of a blocked request may be used again on the shared port, if that
// depends on time.
func (m *Machine) unblockTime() (at time.Time, ok bool) {
	p := m.ports.shared
	if p == nil {
		return time.Time{}, false
	}
	for _, r := range m.blocked {
		hash := m.table.hash(p.id, r.key)
		if m.table.find(hash, p.id, r.key) != nil {
			continue // until the request that has it ends
		}
		if reuse := m.ended.reuse(hash); !ok || reuse.Before(at) {
			at, ok = reuse, true
		}
	}
	return at, ok
}

// nextDue returns the next request to be sent now, or nil.
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

// hasDue reports whether a request is to be sent as soon as pacing allows: one that is sent again,
// or else a new one. During an outage it is one request at a time, preferably a new one, in case
// the server answers and only those that are parked get no response. While the circuit is
// half-open, it is one new request.
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

// attempt sends a request, or makes it wait for a port.
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

// Sent reports what became of an attempt that Next returned: the kernel took it (err is nil) or
// refused it. A refused attempt counts as lost, unless permanent says that no later one can
// succeed.
func (m *Machine) Sent(now time.Time, r *Request, err error, permanent bool) {
	if err == nil {
		r.Transmitted++
		m.cfg.Counters.Sent.Add(1)
	} else {
		m.cfg.Counters.Unsent.Add(1)
	}
	e := r.event(AttemptSent, now)
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

// wake returns when something is to be done next. delay is how long the pacer lets nothing be sent.
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
