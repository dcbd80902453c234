package guard

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// A PrefixSet is a set of addresses, given as prefixes. It does not change, so several goroutines may
// use it at once. A nil set is empty.
type PrefixSet struct {
	ranges []addrRange // sorted, without overlaps
}

// An addrRange is the addresses from first to last, both included. IPv4 addresses are IPv4-mapped.
type addrRange struct{ first, last [16]byte }

// NewPrefixSet returns the set of the addresses of all prefixes. Bits behind a prefix do not matter.
// Invalid prefixes have no addresses.
func NewPrefixSet(prefixes ...netip.Prefix) *PrefixSet {
	ranges := make([]addrRange, 0, len(prefixes))
	for _, p := range prefixes {
		if p.IsValid() {
			ranges = append(ranges, rangeOf(p))
		}
	}
	slices.SortFunc(ranges, func(a, b addrRange) int {
		return cmp.Or(bytes.Compare(a.first[:], b.first[:]), bytes.Compare(b.last[:], a.last[:]))
	})
	// If two prefixes overlap, one contains the other.
	merged := ranges[:0]
	for _, r := range ranges {
		if n := len(merged); n == 0 || bytes.Compare(r.first[:], merged[n-1].last[:]) > 0 {
			merged = append(merged, r)
		}
	}
	return &PrefixSet{ranges: slices.Clip(merged)}
}

// rangeOf returns the range of a prefix.
func rangeOf(p netip.Prefix) addrRange {
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	r := addrRange{p.Addr().As16(), p.Addr().As16()}
	for i := range r.first {
		host := byte(0xff >> min(max(bits-8*i, 0), 8))
		r.first[i] &^= host
		r.last[i] |= host
	}
	return r
}

// ParsePrefixes reads prefixes or single addresses, one a line. Spaces around them, empty lines, and
// text behind a # are ignored. The error names the first line that is not a prefix.
func ParsePrefixes(r io.Reader) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	lines, n := bufio.NewScanner(r), 1
	for ; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		prefixes = append(prefixes, p)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d is not an address or a prefix: it has more than 64 KiB", n)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return prefixes, nil
}

// ParsePrefix parses a prefix such as 192.0.2.0/24 or an address, which is a prefix of its full
// length. The bits after the prefix must be zero, so that a wrong length is reported.
func ParsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%.60q is not an address or a prefix such as 192.0.2.0/24", text)
	}
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has bits behind its length: write %s, or the address alone", p,
			p.Masked())
	}
	if p.Addr().Is4In6() {
		return netip.Prefix{}, fmt.Errorf("%s is an IPv4-mapped prefix: write the IPv4 prefix", p)
	}
	return p, nil
}

// Len returns the number of separate ranges of the set.
func (s *PrefixSet) Len() int {
	if s == nil {
		return 0
	}
	return len(s.ranges)
}

// Prefixes returns the prefixes of the set, without those that others contain. They are sorted by
// their addresses as IPv6 addresses, where IPv4 addresses are IPv4-mapped.
func (s *PrefixSet) Prefixes() []netip.Prefix {
	prefixes := make([]netip.Prefix, s.Len())
	for i := range prefixes {
		prefixes[i] = s.ranges[i].prefix()
	}
	return prefixes
}

// prefix returns the prefix that rangeOf was called with.
func (r addrRange) prefix() netip.Prefix {
	shared := 0
	for i := range r.first {
		differ := r.first[i] ^ r.last[i]
		if shared += bits.LeadingZeros8(differ); differ != 0 {
			break
		}
	}
	addr := netip.AddrFrom16(r.first)
	if addr.Is4In6() && shared >= 96 {
		return netip.PrefixFrom(addr.Unmap(), shared-96)
	}
	return netip.PrefixFrom(addr, shared)
}

// Contains reports whether addr is in the set, in a time that is logarithmic in Len. An IPv4-mapped
// address is an IPv4 address, and zones are ignored.
func (s *PrefixSet) Contains(addr netip.Addr) bool {
	if s.Len() == 0 {
		return false
	}
	a := addr.As16()
	// The first range that begins after addr follows the only one that can contain it.
	i, found := slices.BinarySearchFunc(s.ranges, a, func(r addrRange, a [16]byte) int {
		return bytes.Compare(r.first[:], a[:])
	})
	return found || i > 0 && bytes.Compare(a[:], s.ranges[i-1].last[:]) <= 0
}

// Prefixes is a Guard that admits sources by their prefixes. Its rules drop the requests of other
// sources as DropDenied. The zero value admits all. It must not be copied.
type Prefixes struct {
	sets atomic.Pointer[[2]*PrefixSet]
}

// Set replaces the sets, also while the server runs. If allow is not nil, only its addresses are
// admitted. Addresses of deny are not admitted in any case.
func (p *Prefixes) Set(allow, deny *PrefixSet) { p.sets.Store(&[2]*PrefixSet{allow, deny}) }

// NewRule returns p.
func (p *Prefixes) NewRule([]netip.AddrPort) Rule { return p }

// Admit returns DropDenied if the source is not allowed.
func (p *Prefixes) Admit(_ time.Time, d *Datagram) Verdict {
	sets := p.sets.Load()
	if sets == nil {
		return Admitted
	}
	allow, deny := sets[0], sets[1]
	if deny.Contains(d.Source.Addr()) || allow != nil && !allow.Contains(d.Source.Addr()) {
		return DropDenied
	}
	return Admitted
}
