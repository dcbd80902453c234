package ohce

import (
	"errors"

	"github.com/ohce/ohce/internal/exchange"
)

// A Matcher finds the request that a response belongs to: it extracts a key from each, and a
// response belongs to the request with the same key. A DNS client uses the identifier and the
// question, a STUN client the transaction ID.
//
// Requests with different keys share a socket. A key is in flight on a socket only once, and is not
// used again on that socket for ten seconds after its exchange (or for the next 32,768 exchanges,
// whichever is less), because a late response could be taken for the response to the new request. A
// request whose key is taken is sent on another socket or, if there is none (Client.MaxSockets),
// waits.
//
// The functions may be called by several goroutines at once. They must not keep or change their
// arguments other than dst.
type Matcher struct {
	// RequestKey appends the key of a request to dst and returns the result. It must not be nil.
	RequestKey func(dst, request []byte) []byte
	// ResponseKey appends the key of a response to dst. It returns false if the datagram is not a
	// response. It must not be nil.
	ResponseKey func(dst, response []byte) ([]byte, bool)
	// Accept, if non-nil, reports whether response answers request. It is called for responses
	// whose key is right.
	Accept func(request, response []byte) bool

	exact bool // of MatchExact: the key is the response
}

// MatchExact returns a Matcher for a service whose responses are known in advance: respond appends
// to dst the one right response to a request. flip.Append is such a function.
//
// Requests whose responses are equal share a socket, because it does not matter which of them a
// response is assigned to. So a late or duplicate response to one of them can answer another one that
// the server has not handled. If each request must be handled, use another Matcher or none.
func MatchExact(respond func(dst, request []byte) []byte) *Matcher {
	return &Matcher{
		RequestKey:  respond,
		ResponseKey: func(dst, response []byte) ([]byte, bool) { return append(dst, response...), true },
		exact:       true,
	}
}

// MatchBytes returns a Matcher for a protocol in which a response repeats some bytes of its request
// at the same place: length bytes from offset on. A response that is too short has no key; of a
// request that is too short the key is what there is of it. Both arguments must not be negative.
func MatchBytes(offset, length int) *Matcher {
	end := offset + length
	return &Matcher{
		RequestKey: func(dst, request []byte) []byte {
			return append(dst, request[min(offset, len(request)):min(end, len(request))]...)
		},
		ResponseKey: func(dst, response []byte) ([]byte, bool) {
			if len(response) < end {
				return dst, false
			}
			return append(dst, response[offset:end]...), true
		},
	}
}

func (m *Matcher) check() error {
	if m != nil && (m.RequestKey == nil || m.ResponseKey == nil) {
		return errors.New("ohce: Client.Match needs both RequestKey and ResponseKey")
	}
	return nil
}

// internal is the matcher of a machine.
func (m *Matcher) internal() *exchange.Matcher {
	switch {
	case m == nil:
		return nil
	case m.exact:
		return &exchange.Matcher{RequestKey: m.RequestKey, Accept: m.Accept}
	default:
		return &exchange.Matcher{
			RequestKey: m.RequestKey, ResponseKey: m.ResponseKey, Accept: m.Accept,
		}
	}
}
