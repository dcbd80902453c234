package measure

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/ohce/ohce/internal/exchange"
	"github.com/ohce/ohce/internal/udp"
)

// A portSocket is the socket of a source port.
type portSocket struct {
	p     *PortProber
	port  uint16
	conn  net.Conn
	begun time.Time // from which the times of attempts count
	work  sync.WaitGroup

	mu       sync.Mutex
	attempts *exchange.SingleAttempts
	pending  *portRequest // in flight; nil if none is
}

// maxRemembered is how many requests of a port are remembered to recognize late responses.
const maxRemembered = 1024

func newPortSocket(p *PortProber, port uint16, conn net.Conn) *portSocket {
	match := &exchange.Matcher{ // of a server whose responses identify no request
		RequestKey:  func(dst, _ []byte) []byte { return dst },
		ResponseKey: func(dst, _ []byte) ([]byte, bool) { return dst, true },
	}
	if p.Match != nil {
		match = &exchange.Matcher{RequestKey: p.Match.RequestKey, ResponseKey: p.Match.ResponseKey}
	}
	return &portSocket{
		p: p, port: port, conn: conn, begun: time.Now(),
		attempts: exchange.NewSingleAttempts(match, orDefault(p.Timeout, defaultTimeout),
			min(orDefault(p.Count, defaultPortCount), maxRemembered)),
	}
}

// now returns the time of an attempt.
func (s *portSocket) now() time.Duration { return time.Since(s.begun) }

// A portRequest is a request in flight.
type portRequest struct {
	request []byte
	sent    time.Time
	wrong   []byte           // the first datagram that was not the response; nil if there is none
	done    chan portOutcome // receives at most one value
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
	s.mu.Lock()
	defer s.mu.Unlock()
	r.sent = time.Now()
	at := r.sent.Sub(s.begun)
	s.attempts.Sent(at, s.attempts.Add(at, request)+1)
	s.pending = r
	return r
}

// end ends a request that has no response. A response that arrives after its time-out is late.
func (s *portSocket) end(r *portRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending != r {
		return
	}
	s.pending = nil
	s.attempts.Expire(s.now(), func(uint64) {})
	s.attempts.Unreachable() // it ended for another reason
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
	a := s.attempts.Received(at.Sub(s.begun), data, func(uint64) {})
	if a.Answered && s.accepts(r.request, data) {
		s.pending = nil
		r.done <- portOutcome{class: Answered, response: data, at: at}
		return
	}
	s.p.count(a.Reason)
	if r != nil && r.wrong == nil && a.Reason == exchange.Unexpected {
		r.wrong = data
	}
}

func (s *portSocket) accepts(request, response []byte) bool {
	return s.p.Match == nil || s.p.Match.Accept == nil || s.p.Match.Accept(request, response)
}

// failed ends the request in flight if err is the report of a router or of the host of the server.
func (s *portSocket) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	class := classOfSocket(err)
	if r := s.pending; r != nil && class != Unsent {
		s.pending = nil
		s.attempts.Unreachable()
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
