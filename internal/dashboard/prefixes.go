package dashboard

import (
	"cmp"
	"net/netip"
	"slices"
)

const (
	// prefixWindow is the number of intervals whose samples count.
	prefixWindow = 30
	// maxPrefixes is the number of prefixes on the page.
	maxPrefixes = 8
	// The lengths of the prefixes: what one customer of a provider usually has at most.
	prefixBits4, prefixBits6 = 24, 56
)

// A prefixCounter counts the samples of the last intervals by prefix. It is bounded because the
// number of samples is.
type prefixCounter struct {
	counts  map[netip.Prefix]int
	samples int
	window  [][]netip.Prefix // the prefixes of each interval, the oldest first
}

// prefixOf returns the /24 or /56 of an address.
func prefixOf(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap()
	bits := prefixBits6
	if addr.Is4() {
		bits = prefixBits4
	}
	p, _ := addr.Prefix(bits) // fails only if addr is invalid
	return p
}

// add adds the samples of an interval and removes those of the oldest one.
func (c *prefixCounter) add(clients []netip.AddrPort) {
	if c.counts == nil {
		c.counts = make(map[netip.Prefix]int)
	}
	if len(c.window) == prefixWindow {
		for _, p := range c.window[0] {
			if c.counts[p]--; c.counts[p] == 0 {
				delete(c.counts, p)
			}
		}
		c.samples -= len(c.window[0])
		c.window = slices.Delete(c.window, 0, 1)
	}
	prefixes := make([]netip.Prefix, len(clients))
	for i, client := range clients {
		prefixes[i] = prefixOf(client.Addr())
		c.counts[prefixes[i]]++
	}
	c.samples += len(clients)
	c.window = append(c.window, prefixes)
}

// prefixFigures are the busiest prefixes among the samples of the last seconds.
type prefixFigures struct {
	Seconds  int           `json:"seconds"`
	Samples  int           `json:"samples"`
	Distinct int           `json:"distinct"` // number of prefixes
	Busiest  []prefixCount `json:"busiest"`
}

type prefixCount struct {
	Prefix  netip.Prefix `json:"prefix"`
	Samples int          `json:"samples"`
}

// figures returns the busiest prefixes, and for equal numbers the lowest ones.
func (c *prefixCounter) figures() *prefixFigures {
	f := &prefixFigures{
		Seconds: len(c.window), Samples: c.samples, Distinct: len(c.counts), Busiest: []prefixCount{},
	}
	for p, n := range c.counts {
		this := prefixCount{p, n}
		i, _ := slices.BinarySearchFunc(f.Busiest, this, comparePrefixes)
		if i == maxPrefixes {
			continue
		}
		f.Busiest = slices.Insert(f.Busiest[:min(len(f.Busiest), maxPrefixes-1)], i, this)
	}
	return f
}

// comparePrefixes sorts the busiest prefix first.
func comparePrefixes(a, b prefixCount) int {
	return cmp.Or(cmp.Compare(b.Samples, a.Samples), a.Prefix.Addr().Compare(b.Prefix.Addr()))
}
