package guard

import (
	"encoding/binary"
	"math"
	"net/netip"
	"testing"
)

// TestAddrHash checks that consecutive addresses spread evenly over the slots of a table, for IPv4,
// for hosts of an IPv6 network and for IPv6 networks: chi-squared with 1,023 degrees of freedom is
// below 1,250 except with a probability of 2e-6.
func TestAddrHash(t *testing.T) {
	const n, slots = 100_000, 1024
	for name, addr := range map[string]func(i uint32) netip.Addr{
		"IPv4": func(i uint32) netip.Addr {
			return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, 10<<24+i)))
		},
		"IPv6 hosts": func(i uint32) netip.Addr {
			return netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint32(make([]byte, 12), i)))
		},
		"IPv6 networks": func(i uint32) netip.Addr {
			return netip.AddrFrom16([16]byte(append(binary.BigEndian.AppendUint32(nil, i), make([]byte, 12)...)))
		},
	} {
		h := addrHash{0x9ae16a3b2f90404f, 0xc949d7c7509e6557} // a fixed key, so that the test is repeatable
		var counts [slots]int
		for i := range uint32(n) {
			counts[h.of(addr(i))%slots]++
		}
		chi, mean := 0.0, float64(n)/slots
		for _, c := range counts {
			chi += math.Pow(float64(c)-mean, 2) / mean
		}
		if chi > 1250 {
			t.Errorf("%s: chi-squared is %.0f, want about %d", name, chi, slots-1)
		}
	}
}
