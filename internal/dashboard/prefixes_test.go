package dashboard

import (
	"net/netip"
	"strconv"
	"testing"
)

func TestPrefixOf(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.77": "192.0.2.0/24", "::ffff:192.0.2.77": "192.0.2.0/24",
		"2001:db8:1:2345::7": "2001:db8:1:2300::/56", "fe80::1%eth0": "fe80::/56",
	} {
		if got := prefixOf(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

// samplesOf returns n samples of a client.
func samplesOf(addr string, n int) (all []netip.AddrPort) {
	for range n {
		all = append(all, netip.AddrPortFrom(netip.MustParseAddr(addr), 4000))
	}
	return all
}

func TestPrefixCounter(t *testing.T) {
	var c prefixCounter
	c.add(append(samplesOf("192.0.2.1", 3), samplesOf("192.0.2.9", 2)...))
	c.add(append(samplesOf("198.51.100.1", 4), samplesOf("203.0.113.1", 4)...))
	f := c.figures()
	want := []string{"192.0.2.0/24 5", "198.51.100.0/24 4", "203.0.113.0/24 4"}
	checkPrefixes(t, f, want)
	if f.Samples != 13 || f.Seconds != 2 || f.Distinct != 3 {
		t.Errorf("%+v", f)
	}
	for range prefixWindow - 1 { // the first samples leave the window
		c.add(nil)
	}
	checkPrefixes(t, c.figures(), want[1:])
	c.add(nil)
	if f := c.figures(); f.Samples != 0 || f.Distinct != 0 || f.Seconds != prefixWindow || len(c.counts) != 0 {
		t.Errorf("after the window: %+v", f)
	}
}

// The page gets the busiest prefixes, whatever the number of prefixes.
func TestManyPrefixes(t *testing.T) {
	var c prefixCounter
	for range prefixWindow {
		var clients []netip.AddrPort
		for i := range maxPending {
			a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
			clients = append(clients, netip.AddrPortFrom(a, 1))
		}
		c.add(append(clients, samplesOf("192.0.2.1", 2)...))
	}
	f := c.figures()
	if len(f.Busiest) != maxPrefixes || f.Distinct != maxPending+1 || f.Busiest[0].Samples != 2*prefixWindow {
		t.Errorf("%d prefixes of %d, the first %v", len(f.Busiest), f.Distinct, f.Busiest[0])
	}
	checkPrefixes(t, &prefixFigures{Busiest: f.Busiest[:3]},
		[]string{"192.0.2.0/24 60", "10.0.0.0/24 30", "10.0.1.0/24 30"})
}

func checkPrefixes(t *testing.T, f *prefixFigures, want []string) {
	t.Helper()
	if len(f.Busiest) != len(want) {
		t.Fatalf("%v, want %v", f.Busiest, want)
	}
	for i, p := range f.Busiest {
		if got := p.Prefix.String() + " " + strconv.Itoa(p.Samples); got != want[i] {
			t.Errorf("prefix %d is %s, want %s", i, got, want[i])
		}
	}
}
