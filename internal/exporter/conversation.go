package exporter

import "github.com/ohce/ohce/internal/probe"

// A conversation is the requests that a probe sends to a server one after the other, and the responses
// that it accepts. It does no I/O.
type conversation interface {
	// next returns the next request. ok is false at the end. The conversation must have accepted the
	// responses to the requests before.
	next() (r request, ok bool)
	// receive examines a datagram that arrived after the latest request. The error is the reason of
	// wrong.
	receive(datagram []byte) (verdict, error)
}

// A request is a request of a conversation.
type request struct {
	data     []byte
	answered bool // the conversation expects a response
	last     bool // no later request has a response
}

// A verdict says what a datagram is to a conversation.
type verdict uint8

const (
	wrong  verdict = iota // not the response
	partly                // a part of the response; more is expected
	right                 // the response, or its last part
)

// A singleRequest is a conversation of one request.
type singleRequest struct {
	data  []byte
	check func(request, response []byte) error
	sent  bool
	// describe describes a right response in a few words. It may be nil.
	describe func(request, response []byte, a probe.Arrival) (string, error)
}

func (s *singleRequest) next() (request, bool) {
	if s.sent {
		return request{}, false
	}
	s.sent = true
	return request{data: s.data, answered: true, last: true}, true
}

func (s *singleRequest) receive(datagram []byte) (verdict, error) {
	if err := s.check(s.data, datagram); err != nil {
		return wrong, err
	}
	return right, nil
}
