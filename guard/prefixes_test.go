package guard_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/guard"
)

func prefixes(texts ...string) (ps []netip.Prefix) {
	for _, s := range texts {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

func TestPrefixSet(t *testing.T) {
	set := guard.NewPrefixSet(prefixes("198.51.100.0/24", "198.51.100.128/25", "198.51.100.7/32", "10.0.0.0/8",
		"2001:db8::/32", "2001:db8:1::/48", "192.0.2.1/32")...)
	for addr, want := range map[string]bool{
		"198.51.100.0": true, "198.51.100.255": true, "198.51.101.0": false, "198.51.99.255": false,
		"10.255.255.255": true, "11.0.0.0": false, "0.0.0.0": false, "255.255.255.255": false,
		"::ffff:10.1.2.3": true, "2001:db8::": true, "2001:db8:ffff::1": true, "2001:db9::": false,
		"2001:db8::1%eth0": true, "192.0.2.1": true, "192.0.2.0": false, "192.0.2.2": false, "::": false,
		"::a00:1": false,
	} {
		if got := set.Contains(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Contains(%s) is %v, want %v", addr, got, want)
		}
	}
	if set.Len() != 4 {
		t.Errorf("%d ranges, want 4", set.Len())
	}
	all := guard.NewPrefixSet(prefixes("0.0.0.0/0", "::/0")...)
	if !all.Contains(netip.MustParseAddr("1.2.3.4")) || !all.Contains(netip.MustParseAddr("ff02::1")) {
		t.Error("the prefixes of length 0 do not contain all addresses")
	}
	var none *guard.PrefixSet
	if none.Contains(netip.MustParseAddr("::1")) || guard.NewPrefixSet().Contains(netip.IPv6Unspecified()) {
		t.Error("an empty set contains an address")
	}
}

func TestPrefixSetPrefixes(t *testing.T) {
	for _, tt := range []struct{ given, want []netip.Prefix }{
		{nil, nil},
		{prefixes("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"), prefixes("10.0.0.0/8")},
		{prefixes("2001:db8::1/128", "192.0.2.1/32", "::/16"), prefixes("::/16", "2001:db8::1/128")},
		{prefixes("192.0.2.1/32", "192.0.2.0/32"), prefixes("192.0.2.0/32", "192.0.2.1/32")},
		{prefixes("::/0", "0.0.0.0/0"), prefixes("::/0")},
		{prefixes("0.0.0.0/0", "2001:db8::/33", "198.51.100.7/24"), prefixes("0.0.0.0/0", "2001:db8::/33")},
		{prefixes("198.51.100.7/24"), prefixes("198.51.100.0/24")},
	} {
		if got := guard.NewPrefixSet(tt.given...).Prefixes(); !slices.Equal(got, tt.want) {
			t.Errorf("the set of %v has the prefixes %v, want %v", tt.given, got, tt.want)
		}
	}
	var none *guard.PrefixSet
	if got := none.Prefixes(); len(got) != 0 {
		t.Errorf("a nil set has the prefixes %v", got)
	}
}

// TestPrefixSetAgreesWithNetip compares a set with its prefixes one by one.
func TestPrefixSetAgreesWithNetip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	addr := func() netip.Addr { // few bits differ, so that many prefixes overlap
		return netip.AddrFrom4([4]byte{198, byte(random.IntN(4)), byte(random.IntN(4)), byte(random.Uint32())})
	}
	var ps []netip.Prefix
	for range 50 {
		p := netip.PrefixFrom(addr(), 20+random.IntN(13))
		ps = append(ps, p.Masked())
	}
	set := guard.NewPrefixSet(ps...)
	for range 10_000 {
		a, want := addr(), false
		for _, p := range ps {
			want = want || p.Contains(a)
		}
		if got := set.Contains(a); got != want {
			t.Fatalf("Contains(%v) is %v, want %v; prefixes %v", a, got, want, ps)
		}
	}
}

func TestParsePrefixes(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"198.51.100.0/24\n\n  2001:db8::/32  # documentation\n# nothing\n192.0.2.1", ""},
		{"198.51.100.0/24\r\n10.0.0.1\r\n", ""},
		{"10.0.0.0/8\n10.0.0.1/8", "line 2: 10.0.0.1/8 has bits behind its length: write 10.0.0.0/8, or the address alone"},
		{"\nten", `line 2: "ten" is not an address or a prefix such as 192.0.2.0/24`},
		{"10.0.0.0/33", `line 1: "10.0.0.0/33" is not an address or a prefix such as 192.0.2.0/24`},
		{"fe80::1%eth0", `line 1: "fe80::1%eth0" is not an address or a prefix such as 192.0.2.0/24`},
		{"::ffff:10.0.0.0/104", "line 1: ::ffff:10.0.0.0/104 is an IPv4-mapped prefix: write the IPv4 prefix"},
		{strings.Repeat("x", 100_000), "line 1 is not an address or a prefix: it has more than 64 KiB"},
	} {
		_, err := guard.ParsePrefixes(strings.NewReader(tt.text))
		if got := fmt.Sprint(err); err != nil && got != tt.want || err == nil && tt.want != "" {
			t.Errorf("%.60q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestPrefixes(t *testing.T) {
	p := new(guard.Prefixes)
	inside, other := "198.51.100.7", "192.0.2.1"
	office := guard.NewPrefixSet(prefixes("198.51.100.0/24")...)
	for _, tt := range []struct {
		name                 string
		set                  func()
		admitInside, admitAt bool
	}{
		{"zero value", func() {}, true, true},
		{"deny", func() { p.Set(nil, office) }, false, true},
		{"allow", func() { p.Set(office, nil) }, true, false},
		{"both", func() { p.Set(office, office) }, false, false},
		{"allow none", func() { p.Set(guard.NewPrefixSet(), nil) }, false, false},
		{"cleared", func() { p.Set(nil, nil) }, true, true},
	} {
		tt.set()
		f := newFlood(p)
		if got := f.ask(netip.MustParseAddr(inside)); got != tt.admitInside {
			t.Errorf("%s: %s admitted %v", tt.name, inside, got)
		}
		if got := f.ask(netip.MustParseAddr(other)); got != tt.admitAt {
			t.Errorf("%s: %s admitted %v", tt.name, other, got)
		}
	}
}

func FuzzParsePrefixes(f *testing.F) {
	f.Add("198.51.100.0/24\n# comment\n::1")
	f.Add("10.0.0.0/8 # ten\n\xff")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := guard.ParsePrefixes(strings.NewReader(text))
		if err != nil {
			return
		}
		set := guard.NewPrefixSet(all...)
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(line, "#")
			if p, err := guard.ParsePrefix(strings.TrimSpace(line)); err == nil && !set.Contains(p.Addr()) {
				t.Errorf("%v is not in its set", p)
			}
		}
	})
}

func BenchmarkPrefixes(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{10, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var ps []netip.Prefix
			for range n {
				v := random.Uint32()
				ps = append(ps, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8)}), 24))
			}
			p := new(guard.Prefixes)
			p.Set(nil, guard.NewPrefixSet(ps...))
			d, i := new(guard.Datagram), uint32(0)
			for b.Loop() {
				i += 0x9E3779B9
				d.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), 1}), 1)
				p.Admit(time.Time{}, d)
			}
		})
	}
}
