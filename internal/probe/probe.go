// Package probe builds requests of well-known UDP protocols and reads their responses. It does no
// I/O and reads no clock.
package probe

import (
	"bytes"
	"errors"
	"fmt"
	"time"
)

// A Probe is a request of a protocol whose response shows that a server works. It needs neither a
// session nor a password.
type Probe struct {
	// Name is the name of the protocol, in lower case.
	Name string
	// Port is the usual port, or 0 if there is none.
	Port int
	// Effect describes the request, for help texts.
	Effect string
	// Request appends request n, from 1, to dst. now is the current time.
	Request func(dst []byte, n int, now time.Time) []byte
	// RequestKey and ResponseKey append the identifier of a request, and of the request that a
	// response belongs to. ok is false if there is none. Both are nil if the protocol has no
	// identifiers.
	RequestKey  func(dst, request []byte) []byte
	ResponseKey func(dst, response []byte) (key []byte, ok bool)
	// Read describes the response to a request in a few words. The error says why the response is
	// wrong.
	Read func(request, response []byte, a Arrival) (string, error)
}

// Check returns the reason why a response to a request is wrong, or nil.
func (p *Probe) Check(request, response []byte) error {
	if _, err := p.Read(request, response, Arrival{}); err != nil {
		return err
	}
	if p.RequestKey == nil {
		return nil
	}
	key, ok := p.ResponseKey(nil, response)
	if !ok || !bytes.Equal(key, p.RequestKey(nil, request)) {
		return errOtherRequest
	}
	return nil
}

// errOtherRequest is the error of a response that does not belong to the request.
var errOtherRequest = errors.New("the response belongs to another request")

// An Arrival is the time of a response.
type Arrival struct {
	Time time.Time
	RTT  time.Duration // the time since the request was sent
}

// all lists the probes in alphabetical order.
var all = []Probe{
	agnhost, coap, dns, dtls, memcached, ntp, qcmp, quic, sip, snmp, source, stun,
}

// Find returns the probe with a name.
func Find(name string) (p Probe, ok bool) {
	for _, p := range all {
		if p.Name == name {
			return p, true
		}
	}
	return Probe{}, false
}

// All returns all probes in alphabetical order.
func All() []Probe { return append([]Probe(nil), all...) }

// errTruncated is the error of a response that ends too early.
var errTruncated = errors.New("the response is truncated")

// unexpected returns the error of a response with a wrong part.
func unexpected(what string, got, want any) error {
	return fmt.Errorf("%s is %v, want %v", what, got, want)
}

// keyAt returns functions that append n bytes at an offset as the key, for RequestKey and
// ResponseKey.
func keyAt(request, response, n int) (func(dst, b []byte) []byte, func(dst, b []byte) ([]byte, bool)) {
	return func(dst, b []byte) []byte { return append(dst, b[request:request+n]...) },
		func(dst, b []byte) ([]byte, bool) {
			if len(b) < response+n {
				return dst, false
			}
			return append(dst, b[response:response+n]...), true
		}
}
