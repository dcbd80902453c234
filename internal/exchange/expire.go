package exchange

import "time"

// Expire ends the attempts whose deadlines have passed. The caller must first pass all datagrams
// that had arrived by now to Received.
func (m *Machine) Expire(now time.Time) {
	m.updateRTO()
	for m.Expired(now) {
		r := m.deadlines[0]
		m.deadlines.remove(r)
		if m.extend(r) {
			continue
		}
		m.window.Lost()
		m.observe(r.event(AttemptTimedOut, now))
		if _, more := m.timeout(now, r); more {
			m.due.push(r)
			continue
		}
		m.exhausted(now, r)
	}
	if m.parkedCount > 0 && !now.Before(m.breaker.PatienceEnd()) {
		m.endParked(now)
	}
}

// extend extends the deadline of an attempt if the retransmission timeout has become longer since
// it was made. The response is then more likely late than lost. For the same reason, RFC 6298,
// section 5.3, restarts the timer with each acknowledgement. extend never shortens a deadline.
func (m *Machine) extend(r *Request) bool {
	wait, ok := m.cfg.Schedule.timeout(r.Attempt, r.Sent.Sub(r.start), m.rto, m.srtt, r.jitter)
	if !ok || wait <= r.Wait {
		return false
	}
	r.Wait = wait
	r.deadline = r.Sent.Add(wait)
	m.deadlines.add(r)
	return true
}

// Expired reports whether the deadline of an attempt has passed.
func (m *Machine) Expired(now time.Time) bool {
	return len(m.deadlines) > 0 && !now.Before(m.deadlines[0].deadline)
}

// timeout returns how long the next attempt of a request waits, or false if there is no further
// attempt.
func (m *Machine) timeout(now time.Time, r *Request) (time.Duration, bool) {
	elapsed := time.Duration(0)
	if r.Attempt > 0 {
		elapsed = now.Sub(r.start)
	}
	return m.cfg.Schedule.timeout(r.Attempt+1, elapsed, m.rto, m.srtt, r.jitter)
}

// exhausted ends an exchange whose schedule is exhausted, or parks its request during an outage.
func (m *Machine) exhausted(now time.Time, r *Request) {
	if m.breaker.ShouldPark(m.sequence-m.answered, r.Sent, now) {
		m.park(r)
		return
	}
	m.breaker.Failed(m.sequence-m.answered, r.start, now)
	m.end(now, r, Down, nil)
}

// park keeps a request until the server answers again. A late response to it is still accepted.
func (m *Machine) park(r *Request) {
	r.parked, r.ambiguous, r.Attempt = true, true, 0
	m.parkedCount++
	m.inFlight--
	m.parked.push(r)
}

// unpark queues the parked requests for transmission, each with a whole schedule.
func (m *Machine) unpark() {
	for r := m.popParked(); r != nil; r = m.popParked() {
		m.due.push(r)
	}
}

// popParked returns the oldest parked request and counts it as in flight. It returns nil if none is
// parked.
func (m *Machine) popParked() *Request {
	for m.parked.len() > 0 {
		r := m.parked.pop()
		if !r.parked { // answered while parked
			continue
		}
		r.parked = false
		m.parkedCount--
		m.inFlight++
		return r
	}
	return nil
}

// endParked ends the parked requests when the patience with the server has ended.
func (m *Machine) endParked(now time.Time) {
	for r := m.popParked(); r != nil; r = m.popParked() {
		m.breaker.Failed(m.sequence-m.answered, r.start, now)
		m.end(now, r, Down, nil)
	}
}
