package measure

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/udp"
)

// A portSocket is the socket of a source port.
type portSocket struct {
	p    *PortProber
	port uint16
	conn net.Conn
	work sync.WaitGroup

	mu      sync.Mutex
	pending *portRequest   // in flight; nil if none is
	history []endedRequest // the requests that are no longer in flight, oldest first
}

// An endedRequest is a request that is no longer in flight.
type endedRequest struct {
	key      []byte // nil without a matcher
	answered bool
}

// A portRequest is a request in flight.
type portRequest struct {
	request, key []byte // the key is nil without a matcher
	sent         time.Time
	wrong        []byte           // the first datagram that was not the response; nil if there is none
	done         chan portOutcome // receives at most one value
}

// A portOutcome is the end of a request before its time-out.
type portOutcome struct {
	class    Class
	response []byte
	at       time.Time
	err      error
}

var errNoResponse = errors.New("no response arrived")

// exchange sends the request of a sample and returns the sample with its result.
func (s *portSocket) exchange(ctx context.Context, sample Sample) Sample {
	r := s.begin(sample.Request)
	defer s.end(r)
	sample.Lag = max(r.sent.Sub(sample.Due), 0)
	_, err := s.conn.Write(sample.Request)
	if udp.Refused(err) { // an ICMP message for an earlier request
		_, err = s.conn.Write(sample.Request)
	}
	if err != nil {
		sample.Lag, sample.Class, sample.Err = 0, classOfSocket(err), err
		return sample
	}
	timer := time.NewTimer(orDefault(s.p.Timeout, defaultTimeout))
	defer timer.Stop()
	select {
	case o := <-r.done:
		return s.ended(sample, r, o)
	case <-timer.C:
	case <-ctx.Done():
	}
	return s.ended(sample, r, portOutcome{class: Lost, err: errNoResponse})
}

// ended completes the sample of a request.
func (s *portSocket) ended(sample Sample, r *portRequest, o portOutcome) Sample {
	s.mu.Lock()
	wrong := r.wrong
	s.mu.Unlock()
	sample.Class, sample.Err = o.class, o.err
	switch {
	case o.class == Answered:
		sample.Response, sample.RTT = o.response, o.at.Sub(r.sent)
		sample.Latency = sample.Lag + sample.RTT
		if s.p.Check != nil {
			if err := s.p.Check(sample.Request, sample.Response); err != nil {
				sample.Class, sample.Err = Wrong, err
			}
		}
	case o.class == Lost && wrong != nil:
		sample.Class, sample.Response = Wrong, wrong
	}
	return sample
}

// begin makes a request the one in flight.
func (s *portSocket) begin(request []byte) *portRequest {
	r := &portRequest{request: request, done: make(chan portOutcome, 1)}
	if s.p.Match != nil {
		r.key = s.p.Match.RequestKey([]byte{}, request)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending, r.sent = r, time.Now()
	return r
}

// end ends a request that has no response. A response that arrives afterwards is late.
func (s *portSocket) end(r *portRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == r {
		s.pending, s.history = nil, append(s.history, endedRequest{r.key, false})
	}
}

// read reads datagrams until the socket is closed or cannot be read.
func (s *portSocket) read() {
	buf := make([]byte, 1<<16)
	var failures udp.Backoff
	for {
		n, err := s.conn.Read(buf)
		if err == nil {
			failures.Reset()
			s.received(time.Now(), bytes.Clone(buf[:n]))
			continue
		}
		if errors.Is(err, net.ErrClosed) || !udp.Transient(err) && !udp.Refused(err) {
			return
		}
		s.failed(err)
		time.Sleep(failures.Failed())
	}
}

// received passes a datagram to the request in flight, or counts it.
func (s *portSocket) received(at time.Time, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pending
	key, isResponse := s.keyOf(data)
	if r != nil && isResponse && bytes.Equal(key, r.key) && s.accepts(r.request, data) {
		s.pending, s.history = nil, append(s.history, endedRequest{r.key, true})
		r.done <- portOutcome{class: Answered, response: data, at: at}
		return
	}
	for i := len(s.history) - 1; i >= 0 && isResponse; i-- {
		if e := &s.history[i]; bytes.Equal(key, e.key) {
			s.count(e)
			return
		}
	}
	s.p.counts.Lock()
	s.p.counts.Unexpected++
	s.p.counts.Unlock()
	if r != nil && r.wrong == nil {
		r.wrong = data
	}
}

// keyOf returns the key of a datagram, and whether it can be a response. Without a matcher, all keys
// are nil.
func (s *portSocket) keyOf(data []byte) (key []byte, isResponse bool) {
	if s.p.Match == nil {
		return nil, true
	}
	return s.p.Match.ResponseKey([]byte{}, data)
}

func (s *portSocket) accepts(request, response []byte) bool {
	return s.p.Match == nil || s.p.Match.Accept == nil || s.p.Match.Accept(request, response)
}

// count counts a response to a request that has ended.
func (s *portSocket) count(e *endedRequest) {
	s.p.counts.Lock()
	defer s.p.counts.Unlock()
	if e.answered {
		s.p.counts.Duplicates++
	} else {
		s.p.counts.Late++
		e.answered = true
	}
}

// failed ends the request in flight if err is the report of a router or of the host of the server.
func (s *portSocket) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	class := classOfSocket(err)
	if r := s.pending; r != nil && class != Unsent {
		s.pending, s.history = nil, append(s.history, endedRequest{r.key, false})
		r.done <- portOutcome{class: class, err: err}
	}
}

// classOfSocket returns the class of a request for the error of its socket. It is Unsent unless a
// router or the host of the server has reported the error.
func classOfSocket(err error) Class {
	switch {
	case udp.Refused(err):
		return Refused
	case isUnreachable(err):
		return Unreachable
	default:
		return Unsent
	}
}
