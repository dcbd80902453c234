//go:build !ohce_portable

package udp

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPathSocketEvents checks the events of sockets on loopback.
func TestPathSocketEvents(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		t.Run(host, func(t *testing.T) {
			pc, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := DialPath(t.Context(), Options{}, pc.LocalAddr().String(), DontFragment)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			s.SetReadDeadline(time.Now().Add(testTimeout))
			if err := s.Send([]byte("request")); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 64)
			_, from, err := pc.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := pc.WriteTo([]byte("response"), from); err != nil {
				t.Fatal(err)
			}
			if e, err := s.Read(buf); err != nil || e != (PathEvent{Len: 8}) || string(buf[:8]) != "response" {
				t.Errorf("%+v, %v, %q", e, err, buf[:8])
			}
			pc.Close()
			if err := s.Send([]byte("unreachable")); err != nil {
				t.Fatal(err)
			}
			want := PathEvent{Kind: PathRefused, From: netip.MustParseAddr(host)}
			if e, err := s.Read(buf); err != nil || e != want {
				t.Errorf("%+v, %v, want %+v", e, err, want)
			}
			s.SetReadDeadline(time.Now().Add(time.Millisecond))
			if e, err := s.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%+v, %v, want the deadline", e, err)
			}
		})
	}
}

// queuedReport returns the control data of the error queue. code is that of the ICMP message, info the MTU.
func queuedReport(errno unix.Errno, origin byte, info uint32, offender []byte) []byte {
	data := binary.NativeEndian.AppendUint32(nil, uint32(errno))
	data = append(data, origin, 3, 4, 0)
	data = binary.NativeEndian.AppendUint32(data, info)
	data = binary.NativeEndian.AppendUint32(data, 0)
	return controlMessage(unix.IPPROTO_IP, unix.IP_RECVERR, append(data, offender...))
}

// TestParseReport checks each kind of report, and data that is too short.
func TestParseReport(t *testing.T) {
	router := make([]byte, unix.SizeofSockaddrInet4)
	binary.NativeEndian.PutUint16(router, unix.AF_INET)
	copy(router[4:], []byte{192, 0, 2, 9})
	from := netip.MustParseAddr("192.0.2.9")
	for _, tt := range []struct {
		name    string
		control []byte
		want    PathEvent
		ok      bool
	}{
		{"router", queuedReport(unix.EMSGSIZE, unix.SO_EE_ORIGIN_ICMP, 1400, router),
			PathEvent{Kind: PathTooLong, MTU: 1400, From: from}, true},
		{"this system", queuedReport(unix.EMSGSIZE, unix.SO_EE_ORIGIN_LOCAL, 1500, router),
			PathEvent{Kind: PathTooLongHere, MTU: 1500}, true},
		{"refused", queuedReport(unix.ECONNREFUSED, unix.SO_EE_ORIGIN_ICMP, 0, router),
			PathEvent{Kind: PathRefused, From: from}, true},
		{"other", queuedReport(unix.EHOSTUNREACH, unix.SO_EE_ORIGIN_ICMP, 0, nil), PathEvent{Kind: PathUnreachable}, true},
		{"short", controlMessage(unix.IPPROTO_IP, unix.IP_RECVERR, make([]byte, 15)), PathEvent{}, false},
		{"none", nil, PathEvent{}, false},
		{"malformed", []byte{1, 2, 3}, PathEvent{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if e, ok := parseReport(tt.control); e != tt.want || ok != tt.ok {
				t.Errorf("%+v, %v, want %+v, %v", e, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestFragmentSize(t *testing.T) {
	size := binary.NativeEndian.AppendUint32(nil, 1396)
	for _, tt := range []struct {
		control []byte
		want    int
	}{
		{controlMessage(unix.IPPROTO_IP, unix.IP_RECVFRAGSIZE, size), 1396},
		{controlMessage(unix.IPPROTO_IPV6, unix.IPV6_RECVFRAGSIZE, size), 1396},
		{controlMessage(unix.IPPROTO_IP, unix.IP_RECVFRAGSIZE, size[:2]), 0},
		{controlMessage(unix.IPPROTO_IP, unix.IP_TTL, size), 0}, {nil, 0},
	} {
		if got := fragmentSize(tt.control); got != tt.want {
			t.Errorf("%x: %d, want %d", tt.control, got, tt.want)
		}
	}
}
