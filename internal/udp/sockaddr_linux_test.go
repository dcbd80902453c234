//go:build !ohce_portable

package udp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSockaddrRoundTrip(t *testing.T) {
	lo := loopbackName(t)
	tests := []struct {
		name, addr string
		inet6      bool
		want       string // if empty, addr
	}{
		{"IPv4", "127.0.0.1:3000", false, ""},
		{"high port", "255.255.255.254:65535", false, ""},
		{"no port", "192.0.2.1:0", false, ""},
		{"IPv4 on a dual socket", "127.0.0.1:3000", true, ""},
		{"IPv6", "[::1]:3000", true, ""},
		{"IPv6, port bytes differ", "[2001:db8::1]:258", true, ""},
		{"zone", "[fe80::1%" + lo + "]:1", true, ""},
		{"zone by number", "[fe80::1%1]:1", true, "[fe80::1%" + lo + "]:1"},
		{"zone by unused number", "[fe80::1%987654]:1", true, ""},
		{"no zone", "[fe80::1]:1", true, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var z zones
			sa := unix.RawSockaddrInet6{Scope_id: 77, Flowinfo: 77} // as if used before
			ap := netip.MustParseAddrPort(tt.addr)
			want := ap
			if tt.want != "" {
				want = netip.MustParseAddrPort(tt.want)
			}
			size, err := z.putSockaddr(&sa, ap, tt.inet6)
			if err != nil {
				t.Fatal(err)
			}
			wantSize, family := uint32(unix.SizeofSockaddrInet4), uint16(unix.AF_INET)
			if tt.inet6 {
				wantSize, family = unix.SizeofSockaddrInet6, unix.AF_INET6
			}
			if size != wantSize || sa.Family != family {
				t.Errorf("size %d and family %d, want %d and %d", size, sa.Family, wantSize, family)
			}
			for range 2 { // the second time with cached zones
				if got := z.peer(&sa); got != want {
					t.Errorf("%v became %v, want %v", ap, got, want)
				}
			}
		})
	}
}

func TestSockaddrErrors(t *testing.T) {
	tests := []struct {
		name  string
		ap    netip.AddrPort
		inet6 bool
		want  error // if nil, any error
	}{
		{"zero on IPv4", netip.AddrPort{}, false, errNoPeer},
		{"zero on IPv6", netip.AddrPort{}, true, errNoPeer},
		{"only a port", netip.AddrPortFrom(netip.Addr{}, 9), true, errNoPeer},
		{"IPv6 on an IPv4 socket", netip.AddrPortFrom(ip6, 9), false, errFamily},
		{"unknown zone", netip.MustParseAddrPort("[fe80::1%nosuchif]:9"), true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var z zones
			var sa unix.RawSockaddrInet6
			_, err := z.putSockaddr(&sa, tt.ap, tt.inet6)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("putSockaddr(%v) = %v, want %v", tt.ap, err, tt.want)
			}
		})
	}
}

func TestPortsInNetworkByteOrder(t *testing.T) {
	var port uint16
	htons(&port, 0x1234)
	b := binary.NativeEndian.AppendUint16(nil, port)
	if b[0] != 0x12 || b[1] != 0x34 {
		t.Errorf("htons stored 0x1234 as % x, want 12 34", b)
	}
	if got := ntohs(&port); got != 0x1234 {
		t.Errorf("ntohs = %#x, want 0x1234", got)
	}
}

func TestZonesAreLimited(t *testing.T) {
	var z zones
	for id := range uint32(3 * maxZones) {
		z.name(1_000_000 + id) // there is no such interface
	}
	if len(z.byID) > maxZones || len(z.byName) > maxZones {
		t.Errorf("cache has %d names and %d indices, want at most %d", len(z.byID), len(z.byName),
			maxZones)
	}
	if got := z.name(1_000_000); got != "1000000" {
		t.Errorf("name after eviction = %q, want the index", got)
	}
}

// loopbackName returns the name of interface 1, which is the loopback interface on Linux.
func loopbackName(t *testing.T) string {
	t.Helper()
	ifc, err := net.InterfaceByIndex(1)
	if err != nil {
		t.Fatal(err)
	}
	return ifc.Name
}
