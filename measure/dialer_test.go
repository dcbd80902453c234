package measure_test

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/loopback"
	"github.com/ohce/ohce/measure"
)

// TestDialerInvalid checks that the error of Dial names the field with an invalid value.
func TestDialerInvalid(t *testing.T) {
	for _, tt := range []struct {
		d    measure.Dialer
		want string
	}{
		{measure.Dialer{DSCP: -1}, "measure: Dialer.DSCP is -1, want 0 to 63"},
		{measure.Dialer{DSCP: 64}, "measure: Dialer.DSCP is 64, want 0 to 63"},
		{measure.Dialer{TTL: -1}, "measure: Dialer.TTL is -1, want 0 to 255"},
		{measure.Dialer{TTL: 256}, "measure: Dialer.TTL is 256, want 0 to 255"},
		{measure.Dialer{Source: netip.MustParseAddrPort("224.0.0.1:0")}, "multicast address 224.0.0.1"},
		{measure.Dialer{Interface: "none0"}, "interface none0: "},
	} {
		c, err := tt.d.Dial(t.Context(), "udp", "127.0.0.1:9")
		if err == nil {
			c.Close()
		}
		if c != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, %v, want an error with %q", tt.d, c, err, tt.want)
		}
	}
}

// TestDialerSource checks the local address of sockets.
func TestDialerSource(t *testing.T) {
	free, err := loopback.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	host, port := free.Addr(), free.Port()
	for _, tt := range []struct {
		name   string
		source netip.AddrPort
		port   uint16 // 0: any
	}{
		{"zero", netip.AddrPort{}, 0},
		{"address", netip.AddrPortFrom(host, 0), 0},
		{"port", netip.AddrPortFrom(netip.Addr{}, port), port},
		{"wildcard and port", netip.AddrPortFrom(netip.IPv4Unspecified(), port), port},
		{"both", netip.AddrPortFrom(host, port), port},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := measure.Dialer{Source: tt.source}
			c, err := d.Dial(t.Context(), "udp", "127.0.0.1:9")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			got := c.LocalAddr().(*net.UDPAddr).AddrPort()
			if got.Addr() != host || tt.port != 0 && got.Port() != tt.port {
				t.Errorf("the source is %v, want 127.0.0.1 and port %d", got, tt.port)
			}
		})
	}
}

// TestDialerSourceUnusable checks the errors for a port that is in use and for an address of another
// machine.
func TestDialerSourceUnusable(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct {
		source string
		want   error
	}{
		{taken.LocalAddr().String(), ohce.ErrAddrInUse}, {"192.0.2.77:0", measure.ErrNotLocal},
	} {
		d := measure.Dialer{Source: netip.MustParseAddrPort(tt.source)}
		if c, err := d.Dial(t.Context(), "udp", "127.0.0.1:9"); !errors.Is(err, tt.want) {
			t.Errorf("source %s: %v, %v, want %v", tt.source, c, err, tt.want)
		}
	}
}

// TestDialerOptions checks that the system accepts each option, or that the error says that it does not
// have it.
func TestDialerOptions(t *testing.T) {
	for _, d := range []measure.Dialer{{DSCP: 46}, {TTL: 5}, {DontFragment: true}} {
		for _, addr := range []string{"127.0.0.1:9", "[::1]:9"} {
			c, err := d.Dial(t.Context(), "udp", addr)
			if err == nil {
				c.Close()
			} else if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%+v to %s: %v", d, addr, err)
			}
		}
	}
}
