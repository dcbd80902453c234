//go:build !ohce_portable

package udp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPacketInfoRoundTrip(t *testing.T) {
	tests := []struct {
		addr      string
		ifIndex   uint32
		inet6     bool
		wantIndex uint32
	}{
		{"127.0.0.3", 0, false, 0},
		{"192.0.2.1", 7, false, 0}, // the interface is set only for link-local addresses
		{"127.0.0.3", 0, true, 0},
		{"::1", 0, true, 0},
		{"2001:db8::1", 7, true, 0},
		{"fe80::1", 7, true, 7},
		{"169.254.0.1", 7, false, 7},
		{"169.254.0.1", 7, true, 7},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.addr, " inet6 ", tt.inet6), func(t *testing.T) {
			addr := netip.MustParseAddr(tt.addr)
			dirty := make([]byte, controlSpace)
			for i := range dirty {
				dirty[i] = 0xff // as if left by an earlier datagram
			}
			ctl := appendPacketInfo(dirty[:0], addr, tt.ifIndex, tt.inet6)
			got, ifIndex := packetInfo(ctl)
			if got != addr || ifIndex != tt.wantIndex {
				t.Errorf("parsed %v on interface %d, want %v on %d", got, ifIndex, addr, tt.wantIndex)
			}
			// Check the layout with another parser.
			ms, err := unix.ParseSocketControlMessage(ctl)
			if err != nil || len(ms) != 1 {
				t.Fatalf("appended %d messages (%v), want 1", len(ms), err)
			}
			want := int32(unix.IPPROTO_IP)
			if tt.inet6 {
				want = unix.IPPROTO_IPV6
			}
			if ms[0].Header.Level != want {
				t.Errorf("level %d, want %d", ms[0].Header.Level, want)
			}
		})
	}
}

func TestAppendPacketInfoKeepsDst(t *testing.T) {
	first := controlMessage(unix.SOL_SOCKET, unix.SO_TIMESTAMP, make([]byte, 16))
	ctl := make([]byte, 0, controlSpace)
	ctl = append(ctl, first...)
	for _, addr := range []netip.Addr{ip4, ip6} {
		got := appendPacketInfo(ctl, addr, 0, addr.Is6())
		if string(got[:len(first)]) != string(first) {
			t.Errorf("appending %v changed the data before it", addr)
		}
		if local, _ := packetInfo(got); local != addr {
			t.Errorf("after another message, %v was parsed as %v", addr, local)
		}
	}
}

func TestParsePacketInfo(t *testing.T) {
	info4 := func(dst, answer string) []byte {
		data := make([]byte, unix.SizeofInet4Pktinfo)
		binary.NativeEndian.PutUint32(data, 9)
		copy(data[4:], netip.MustParseAddr(answer).AsSlice())
		copy(data[8:], netip.MustParseAddr(dst).AsSlice())
		return controlMessage(unix.IPPROTO_IP, unix.IP_PKTINFO, data)
	}
	info6 := func(dst string, ifIndex uint32) []byte {
		data := make([]byte, unix.SizeofInet6Pktinfo)
		a := netip.MustParseAddr(dst).As16()
		copy(data, a[:])
		binary.NativeEndian.PutUint32(data[16:], ifIndex)
		return controlMessage(unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, data)
	}
	other := controlMessage(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, []byte{1, 2, 3, 4})
	tests := []struct {
		name    string
		ctl     []byte
		want    string // "" is the zero Addr
		ifIndex uint32
	}{
		{"nothing", nil, "", 0},
		{"IPv4", info4("127.0.0.2", "127.0.0.2"), "127.0.0.2", 0},
		{"IPv4 broadcast", info4("192.0.2.255", "192.0.2.1"), "192.0.2.1", 0},
		{"IPv6", info6("::1", 1), "::1", 0},
		{"mapped", info6("::ffff:127.0.0.2", 1), "127.0.0.2", 0},
		{"mapped broadcast on a dual socket", join(info6("::ffff:192.0.2.255", 2),
			info4("192.0.2.255", "192.0.2.1")), "192.0.2.1", 0},
		{"mapped broadcast, IPv4 first", join(info4("192.0.2.255", "192.0.2.1"),
			info6("::ffff:192.0.2.255", 2)), "192.0.2.1", 0},
		{"link-local", info6("fe80::1", 3), "fe80::1", 3},
		{"link-local of IPv4", info4("169.254.0.1", "169.254.0.1"), "169.254.0.1", 9},
		{"multicast", info6("ff02::1", 3), "", 0},
		{"zero address", info4("127.0.0.2", "0.0.0.0"), "", 0},
		{"zero address in the second", join(info6("::ffff:127.0.0.2", 1),
			info4("127.0.0.2", "0.0.0.0")), "127.0.0.2", 0},
		{"unspecified", info6("::", 3), "", 0},
		{"after another", join(other, info6("::1", 1)), "::1", 0},
		{"before another", join(info6("fe80::1", 3), other), "fe80::1", 3},
		{"another alone", other, "", 0},
		{"cut within the data", info4("127.0.0.2", "127.0.0.2")[:unix.CmsgLen(0)+3], "", 0},
		{"cut within the header", info4("127.0.0.2", "127.0.0.2")[:unix.SizeofCmsghdr-1], "", 0},
		{"too short", controlMessage(unix.IPPROTO_IP, unix.IP_PKTINFO, []byte{1, 2}), "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var want netip.Addr
			if tt.want != "" {
				want = netip.MustParseAddr(tt.want)
			}
			if got, ifIndex := packetInfo(tt.ctl); got != want || ifIndex != tt.ifIndex {
				t.Errorf("parsed %v on interface %d, want %v on %d", got, ifIndex, want, tt.ifIndex)
			}
		})
	}
}

// controlMessage builds a control message, including padding.
func controlMessage(level, kind int32, data []byte) []byte {
	b := make([]byte, unix.CmsgSpace(len(data)))
	// cmsg_len is as wide as the header less two int32.
	if width := unix.SizeofCmsghdr - 8; width == 8 {
		binary.NativeEndian.PutUint64(b, uint64(unix.CmsgLen(len(data))))
	} else {
		binary.NativeEndian.PutUint32(b, uint32(unix.CmsgLen(len(data))))
	}
	binary.NativeEndian.PutUint32(b[unix.SizeofCmsghdr-8:], uint32(level))
	binary.NativeEndian.PutUint32(b[unix.SizeofCmsghdr-4:], uint32(kind))
	copy(b[unix.CmsgLen(0):], data)
	return b
}

func join(a, b []byte) []byte { return append(append([]byte(nil), a...), b...) }

// FuzzParsePacketInfo checks that parsing arbitrary control data does not panic, and that the local
// address, if any, can be the source of a response.
func FuzzParsePacketInfo(f *testing.F) {
	f.Fuzz(func(t *testing.T, ctl []byte) {
		local, ifIndex := packetInfo(ctl)
		if local.Is4In6() || local.Zone() != "" {
			t.Errorf("local address %v, want one that is not IPv4-mapped and has no zone", local)
		}
		if local.IsMulticast() || local.IsUnspecified() {
			t.Errorf("local address %v, want one that can be a source", local)
		}
		if ifIndex != 0 && !local.IsLinkLocalUnicast() {
			t.Errorf("interface %d with %v, want an interface only with a link-local address", ifIndex,
				local)
		}
		if !local.IsValid() {
			return
		}
		room := make([]byte, controlSpace)
		again, index := packetInfo(appendPacketInfo(room[:0], local, ifIndex, true))
		if again != local || index != ifIndex {
			t.Errorf("%v on interface %d became %v on %d", local, ifIndex, again, index)
		}
	})
}

// packetInfo parses ctl and returns the local address and the interface.
func packetInfo(ctl []byte) (netip.Addr, uint32) {
	r := parseControl(ctl)
	return r.local, r.ifIndex
}
