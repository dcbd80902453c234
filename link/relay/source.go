package relay

import (
	"cmp"
	"net/netip"
	"time"
)

// A source counts the mappings of the clients with one address. For IPv6, it is a /64 prefix, because
// a host can use each address of its prefix.
type source struct {
	prefix   netip.Prefix
	mappings int // that are not retired, including one that is being opened
	opened   bucket
}

// sourceOf returns the source of a client, which is new if the client's address has no mappings. The
// caller holds mu, and calls forget if it opens no mapping.
func (r *Relay) sourceOf(peer netip.AddrPort) *source {
	addr := peer.Addr().Unmap().WithZone("")
	bits := 64
	if addr.Is4() {
		bits = 32
	}
	prefix, _ := addr.Prefix(bits) // fails for an invalid address only, all of which have one source
	s := r.sources[prefix]
	if s == nil {
		perSecond := cmp.Or(r.MaxNewMappingsPerAddress, DefaultMaxNewMappingsPerAddress)
		s = &source{prefix: prefix, opened: bucket{perSecond: perSecond}}
		r.sources[prefix] = s
	}
	return s
}

// release counts one mapping less. The caller holds mu.
func (r *Relay) release(s *source) {
	s.mappings--
	r.forget(s)
}

// forget removes a source without mappings, so that the memory is bounded by MaxMappings. The caller
// holds mu.
func (r *Relay) forget(s *source) {
	if s.mappings == 0 && r.sources[s.prefix] == s {
		delete(r.sources, s.prefix)
	}
}

// admit checks the limits of new mappings. If peer must not have one, it returns the counter for the
// dropped request. It checks the limits of the address first, so that one address cannot use up the
// limit of all. The caller is the goroutine of l and holds mu, which evict can release.
func (r *Relay) admit(l *listener, peer netip.AddrPort) (dropped *uint64) {
	s, now := r.sourceOf(peer), time.Since(r.epoch)
	defer r.forget(s)
	switch {
	case !s.opened.take(now):
		return &r.stats.AddressLimit
	case !r.newMappings.take(now):
		return &r.stats.PortLimit
	case r.fromServer(peer): // after the limits, because it can read the addresses of all interfaces
		return &r.stats.Loop
	}
	most := cmp.Or(r.MaxMappingsPerAddress, DefaultMaxMappingsPerAddress)
	if s.mappings >= most {
		r.evict(l, s)
	}
	if s.mappings >= most {
		return &r.stats.AddressLimit
	}
	return nil
}
