package ohce

import (
	"errors"

	"github.com/ohce/ohce/internal/exchange"
)

// A Matcher finds the request that a response belongs to. It extracts a key from each request and
// each response, and a response belongs to the request with the same key. For example, a DNS client
// uses the identifier and the question as the key, and a STUN client the transaction ID.
//
// Requests with different keys share a socket. On one socket, at most one request with a given key
// is in flight, except with MatchExact. After the exchange ends, its key is not used on that socket
// for ten seconds or for the next 32,768 exchanges, whichever is less, so that a late response is
// not taken for the response to a new request. A request whose key cannot be used is sent on
// another socket. If Client.MaxSockets allows no other socket, the request waits.
//
// The functions must be safe for concurrent use. They must not retain their arguments, and must not
// modify any but dst.
type Matcher struct {
	// RequestKey appends the key of request to dst and returns the extended slice. It must not be
	// nil.
	RequestKey func(dst, request []byte) []byte
	// ResponseKey appends the key of response to dst and returns the extended slice. It returns
	// false if the datagram is not a response. It must not be nil.
	ResponseKey func(dst, response []byte) ([]byte, bool)
	// Accept, if non-nil, reports whether response answers request. It is called only if their keys
	// are equal.
	Accept func(request, response []byte) bool

	exact bool // set by MatchExact: the key is the whole response
}

// MatchExact returns a Matcher for a service whose responses are known in advance. respond appends
// the only correct response to request to dst and returns the extended slice. An example of such a
// function is flip.Append.
//
// Unlike with other Matchers, requests with equal responses can be in flight on one socket, because
// any of them accepts any of the responses. A late or duplicate response to one of them can
// therefore answer another one that the server has not handled. If the server must handle each
// request, use another Matcher or none.
func MatchExact(respond func(dst, request []byte) []byte) *Matcher {
	return &Matcher{
		RequestKey:  respond,
		ResponseKey: func(dst, response []byte) ([]byte, bool) { return append(dst, response...), true },
		exact:       true,
	}
}

// MatchBytes returns a Matcher for a protocol in which a response repeats length bytes of its
// request, starting at offset. These bytes are the key. A response shorter than offset+length has
// no key. A request shorter than that has the bytes from offset to its end as its key. offset and
// length must not be negative.
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

// internal returns the matcher for a machine, or nil if m is nil.
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
