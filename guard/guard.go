// Package guard decides who gets an answer. It knows addresses and counts, no sockets and no text.
//
// # Loops
//
// A server whose answer is itself a valid request can be made to talk for ever, to itself or to a
// server of the same kind, by one datagram with a forged source (CVE-2024-2169). The first remedy is
// to answer only those who can be clients: see [PortSet]. What still goes round is broken by leaving
// one datagram in a long run without an answer: see [Repeats].
//
// # Concurrency
//
// A PortSet may be read by any number of goroutines at once, and changed by one alone. A Repeats is
// for one goroutine.
package guard

// A PortSet is a set of UDP ports. The zero value is empty.
type PortSet struct {
	bits [1 << 16 / 64]uint64
}

// ServicePorts returns a new set of the ports 0 to 1023: those that services answer from, so that a
// datagram that claims to come from one is a reflection, and port 0, which nobody can answer
// (RFC 6335, section 6; RFC 768).
func ServicePorts() *PortSet {
	s := new(PortSet)
	s.AddRange(0, 1023)
	return s
}

// Add puts ports into the set.
func (s *PortSet) Add(ports ...uint16) {
	for _, p := range ports {
		s.bits[p/64] |= 1 << (p % 64)
	}
}

// AddRange puts the ports from first to last into the set, both included; last below first adds
// nothing.
func (s *PortSet) AddRange(first, last uint16) {
	for p := int(first); p <= int(last); p++ {
		s.Add(uint16(p))
	}
}

// Remove takes ports out of the set.
func (s *PortSet) Remove(ports ...uint16) {
	for _, p := range ports {
		s.bits[p/64] &^= 1 << (p % 64)
	}
}

// Contains reports whether port is in the set. A nil set contains nothing.
func (s *PortSet) Contains(port uint16) bool {
	return s != nil && s.bits[port/64]&(1<<(port%64)) != 0
}

// Clone returns a copy; of a nil set, an empty one.
func (s *PortSet) Clone() *PortSet {
	c := new(PortSet)
	if s != nil {
		*c = *s
	}
	return c
}
