package relay

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// evictedShare is the inverse of the share of mappings that evict closes at once. Finding the
// longest-idle ones takes a look at each mapping, which would be too slow for each new client.
const evictedShare = 64

// evict closes the longest-idle mappings to make room for a new one of l. If s is not nil, it closes
// mappings of s only. It leaves those for which a datagram waits. The caller is the goroutine of l and holds mu, which evict releases while it closes
// the sockets.
func (r *Relay) evict(l *listener, s *source) {
	type candidate struct {
		m    *mapping
		used int64
	}
	all := make([]candidate, 0, len(r.all))
	for m := range maps.Keys(r.all) {
		pending := m.key.listener == l && m.out != nil
		other := s != nil && (m.source != s || m.retired)
		if !other && !m.closing && !pending && m.waiting.Load() == 0 {
			all = append(all, candidate{m, m.used.Load()})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if a.m.retired != b.m.retired { // the responses to a retired one are dropped anyway
			if a.m.retired {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.used, b.used)
	})
	most := len(r.all)
	if s != nil {
		most = s.mappings
	}
	var idle []*mapping
	for _, c := range all[:min(len(all), max(1, most/evictedShare))] {
		idle = append(idle, c.m)
	}
	r.closeMappings(idle, &r.stats.Evicted)
}

// closeMappings closes mappings and adds their number to counter. The caller holds mu, which
// closeMappings releases while it closes the sockets.
func (r *Relay) closeMappings(idle []*mapping, counter *uint64) {
	for _, m := range idle {
		if !m.retired {
			delete(r.mappings, m.key)
		}
		r.retire(m)
		m.closing = true
	}
	r.mu.Unlock()
	var drops uint64
	for _, m := range idle {
		r.group.remove(m)
		m.conn.Close()
		drops += m.conn.KernelDropped()
	}
	r.mu.Lock()
	r.stats.Down.KernelDropped += drops
	*counter += uint64(len(idle))
	for _, m := range idle {
		delete(r.all, m)
	}
}

// retire ends the use of a mapping for its client. The caller holds mu.
func (r *Relay) retire(m *mapping) {
	if !m.retired {
		m.retired = true
		r.release(m.source)
	}
}

// idleSince returns the mappings that were last used before the given time and for which no datagram
// is delayed. The caller holds mu.
func (r *Relay) idleSince(before time.Duration) (idle []*mapping) {
	for m := range r.all {
		// The order of the conditions matters; see delayer.sent.
		if !m.closing && m.waiting.Load() == 0 && time.Duration(m.used.Load()) < before {
			idle = append(idle, m)
		}
	}
	return idle
}
