package relay

import (
	"net/netip"
	"testing"
)

// TestSources checks which clients share limits, and that sources without mappings take no memory.
func TestSources(t *testing.T) {
	r := &Relay{sources: make(map[netip.Prefix]*source)}
	of := func(addr string) *source { return r.sourceOf(netip.AddrPortFrom(netip.MustParseAddr(addr), 1)) }
	for _, tt := range []struct {
		one, other string
		same       bool
	}{
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::1", "2001:db8::ffff:0:0:1", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%a", "fe80::1%b", true},
	} {
		if got := of(tt.one) == of(tt.other); got != tt.same {
			t.Errorf("%s and %s share limits: %v, want %v", tt.one, tt.other, got, tt.same)
		}
	}
	for _, s := range r.sources {
		s.mappings = 1
		r.release(s)
	}
	if len(r.sources) != 0 {
		t.Errorf("%d sources remain", len(r.sources))
	}
}
