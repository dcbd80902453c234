package guard

import (
	"net/netip"
	"time"
)

// A PortSet is a set of UDP ports. The zero value is an empty set. As a Rule, it drops datagrams
// from the ports in the set as DropLoop. As a Guard, it is the rule of all shards. A set may be
// read concurrently, but must not be changed at the same time.
type PortSet struct {
	bits [1 << 16 / 64]uint64
}

// ServicePorts returns a new set of the ports 0 to 1023. Ports 1 to 1023 are assigned to services,
// so a datagram from one of them is probably a reflection (RFC 6335, section 6). Port 0 means that
// the sender expects no response (RFC 768).
func ServicePorts() *PortSet {
	s := new(PortSet)
	s.AddRange(0, 1023)
	return s
}

// Add adds ports to the set.
func (s *PortSet) Add(ports ...uint16) {
	for _, p := range ports {
		s.bits[p/64] |= 1 << (p % 64)
	}
}

// AddRange adds the ports from first to last, inclusive. If last is less than first, it adds
// nothing.
func (s *PortSet) AddRange(first, last uint16) {
	for p := int(first); p <= int(last); p++ {
		s.Add(uint16(p))
	}
}

// Remove removes ports from the set.
func (s *PortSet) Remove(ports ...uint16) {
	for _, p := range ports {
		s.bits[p/64] &^= 1 << (p % 64)
	}
}

// Contains reports whether port is in the set. A nil set is empty.
func (s *PortSet) Contains(port uint16) bool {
	return s != nil && s.bits[port/64]&(1<<(port%64)) != 0
}

// Admit returns DropLoop if the source port is in the set.
func (s *PortSet) Admit(_ time.Time, d *Datagram) Verdict {
	if s.Contains(d.Source.Port()) {
		return DropLoop
	}
	return Admitted
}

// NewRule returns s.
func (s *PortSet) NewRule([]netip.AddrPort) Rule { return s }

// Clone returns a copy of the set. The copy of a nil set is empty.
func (s *PortSet) Clone() *PortSet {
	c := new(PortSet)
	if s != nil {
		*c = *s
	}
	return c
}
