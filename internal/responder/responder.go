// Package responder answers requests as well-known UDP services do, and with the identity of the
// server that answers. It serves tests of balancers and gateways. It does no I/O and reads no clock.
package responder

import (
	"net/netip"
	"time"
)

// A Responder answers the requests of a service.
type Responder struct {
	// Name is the name of the service, in lower case.
	Name string
	// Effect describes the responses, for help texts.
	Effect string
	// Excess is the largest number of bytes by which a response exceeds its request.
	Excess int
	// Named means that responses can contain Backend.Name.
	Named bool

	// appendTo appends the response, which may exceed the request by more than Excess. If ok is
	// false, there is no response, and it returns dst.
	appendTo func(dst []byte, r Request, b *Backend) (response []byte, ok bool)
}

// A Request is a datagram that a server has received.
type Request struct {
	Data   []byte         // is not modified or retained
	Client netip.AddrPort // the source, which can be forged
	Server netip.AddrPort // the destination, whose IP address is unspecified if it is unknown
	Time   time.Time      // when the server handles the request
}

// A Backend is the server that answers.
type Backend struct {
	Name    string // see CheckName
	PID     int
	Started time.Time // when the process started
}

// all lists the responders in alphabetical order.
var all = []Responder{agnhost, identity, qcmp}

// Find returns the responder with a name.
func Find(name string) (s Responder, ok bool) {
	for _, s := range all {
		if s.Name == name {
			return s, true
		}
	}
	return Responder{}, false
}

// All returns all responders in alphabetical order.
func All() []Responder { return append([]Responder(nil), all...) }

// Append appends the response to r to dst and returns the extended buffer. If there is no response,
// it returns dst, and ok is false: the service does not answer such a request, or the response
// would exceed the request by more than Excess bytes. It overwrites a part of the spare capacity of
// dst, and does not allocate if that is large enough.
func (s *Responder) Append(dst []byte, r Request, b *Backend) (response []byte, ok bool) {
	response, ok = s.appendTo(dst, r, b)
	if !ok || len(response)-len(dst) > len(r.Data)+s.Excess {
		return dst, false
	}
	return response, true
}
