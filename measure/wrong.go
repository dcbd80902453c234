package measure

import "errors"

// errNoMatch is the reason of a wrong response that matches no request.
var errNoMatch = errors.New("the response matches no request")

// wrong records a datagram that is not the response to any request in flight. exchange is 0 if
// several are. The datagram then belongs to the only one without such a datagram, if there is one.
func (r *run) wrong(exchange uint64, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.find(exchange)
	if exchange == 0 {
		p = r.onlyWithoutDatagram()
	}
	if p != nil && p.wrong == nil {
		p.wrong = append([]byte{}, data...)
	}
}

// onlyWithoutDatagram returns the only request for which no datagram has arrived, or nil if there
// are none or several. It must be called with mu held.
func (r *run) onlyWithoutDatagram() (only *pendingRequest) {
	for i := range r.pending {
		if p := &r.pending[i]; !p.sent.IsZero() && !p.answered && p.wrong == nil {
			if only != nil {
				return nil
			}
			only = p
		}
	}
	return only
}

// classify sets the class of a request without a response. wrong is the datagram that arrived for
// it, or nil.
func (r *run) classify(s *Sample, wrong []byte) {
	s.Class = ClassOf(s.Err)
	if s.Class == Lost && wrong != nil {
		s.Class, s.Err = Wrong, errNoMatch
	}
	if s.Class != Wrong {
		return
	}
	s.Response = wrong
	if wrong != nil && r.p.Check != nil {
		if err := r.p.Check(s.Request, wrong); err != nil {
			s.Err = err
		}
	}
}
