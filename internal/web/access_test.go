package web

import (
	"net/netip"
	"testing"
)

func TestAllowsHost(t *testing.T) {
	names := []string{"lab.example", "198.51.100.7"}
	for _, tt := range []struct {
		local, header string
		want          bool
	}{
		{"127.0.0.1", "127.0.0.1:4474", true},
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "localhost:4474", true},
		{"127.0.0.1", "LOCALHOST.", true},
		{"127.0.0.1", "[::1]:4474", true},
		{"127.0.0.1", "0.0.0.0:4474", true},
		{"::1", "localhost", true},
		{"::1", "[::1]", true},
		{"127.0.0.1", "192.0.2.7:4474", false},
		{"127.0.0.1", "rebound.example:4474", false},
		{"127.0.0.1", "localhost.rebound.example", false},
		{"127.0.0.1", "127.0.0.1.rebound.example", false},
		{"127.0.0.1", "lab.example:4474", true},
		{"192.0.2.7", "192.0.2.7:4474", true},
		{"192.0.2.7", "[::ffff:192.0.2.7]:4474", true},
		{"192.0.2.7", "Lab.Example", true},
		{"192.0.2.7", "198.51.100.7:4474", true},
		{"192.0.2.7", "rebound.example:4474", false},
		{"192.0.2.7", "localhost:4474", false},
		{"192.0.2.7", "127.0.0.1:4474", false},
		{"192.0.2.7", "0.0.0.0:4474", false},
		{"192.0.2.7", "192.0.2.8", false},
		{"192.0.2.7", "", false},
		{"192.0.2.7", ":4474", false},
		{"2001:db8::1", "[2001:db8::1]:4474", true},
		{"fe80::1", "[fe80::1%eth0]:4474", true},
	} {
		if got := allowsHost(netip.MustParseAddr(tt.local), hostOf(tt.header), names); got != tt.want {
			t.Errorf("connected to %s, Host %q: %v, want %v", tt.local, tt.header, got, tt.want)
		}
	}
}
