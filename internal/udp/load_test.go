package udp

import "testing"

func TestLoad(t *testing.T) {
	var l load
	repeat := func(times, n, offered int, want bool) {
		t.Helper()
		for i := range times {
			l.observe(n, offered)
			if l.heavy != want {
				t.Fatalf("after %d reads of %d of %d, heavy = %v, want %v", i+1, n, offered, l.heavy,
					want)
			}
		}
	}
	repeat(1000, 1, 4, false)
	repeat(1000, 4, 4, false) // less than fullRead
	repeat(1000, 60, 64, false)
	repeat(heavyReads-1, 64, 64, false)
	repeat(1, 63, 64, false)
	repeat(heavyReads-1, 16, 16, false)
	repeat(1, 64, 64, true)
	repeat(1000, 5, 64, true)
	repeat(lightReads-1, 4, 64, true)
	repeat(1, 5, 64, true)
	repeat(lightReads-1, 1, 64, true)
	repeat(1, 1, 64, false)
	repeat(1000, 1, 64, false)
}
