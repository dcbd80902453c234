//go:build priv && linux

package measure_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/internal/netns"
	"github.com/ohce/ohce/internal/udp"
	"github.com/ohce/ohce/measure"
)

// TestPrivDialerHeader checks the headers of datagrams that arrive at another host. The address of the
// last one has no zone, so that it is reachable only through the interface of the Dialer.
func TestPrivDialerHeader(t *testing.T) {
	server, client := netns.Two(t)
	client.AddAddrs(t, "192.0.2.4/24", "2001:db8::4/64")
	for _, tt := range []struct{ listen, to, source string }{
		{"192.0.2.1:3000", "192.0.2.1:3000", "192.0.2.4:4000"},
		{"[2001:db8::1]:3000", "[2001:db8::1]:3000", "[2001:db8::4]:4000"},
		{"[fe80::1%ohce0]:3000", "[fe80::1]:3000", ""},
	} {
		t.Run(tt.to, func(t *testing.T) {
			d := measure.Dialer{Interface: "ohce1", DSCP: 46, TTL: 9, DontFragment: true}
			if tt.source != "" {
				d.Source = netip.MustParseAddrPort(tt.source)
			}
			var in *net.UDPConn
			server.Do(t, func() (err error) {
				in, err = listenHeaders(t, tt.listen)
				return err
			})
			out := dialIn(t, client, &d, tt.to)
			if local := out.LocalAddr().String(); tt.source != "" && local != tt.source {
				t.Errorf("the source is %s, want %s", local, tt.source)
			}
			if t.Failed() {
				return
			}
			checkHeader(t, &d, out, in)
		})
	}
}

// dialIn dials from a host. The socket is closed at the end of the test.
func dialIn(t *testing.T, h netns.Host, d *measure.Dialer, addr string) (c net.Conn) {
	t.Helper()
	h.Do(t, func() (err error) {
		c, err = d.Dial(t.Context(), "udp", addr)
		return err
	})
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestPrivDontFragment sends datagrams of 1,000 bytes over a link whose MTU is larger, and a route whose
// path MTU is smaller. With DontFragment they arrive in one piece, with DF set in the IPv4 header.
// Beyond the MTU of the link, the system refuses them.
func TestPrivDontFragment(t *testing.T) {
	server, client := netns.Two(t)
	client.IP(t, "route add 192.0.2.1 dev ohce1 mtu 600")
	client.IP(t, "route add 2001:db8::1 dev ohce1 mtu 1280")
	var in *net.IPConn // reads each packet with its header, after reassembly
	server.Do(t, func() (err error) {
		in, err = net.ListenIP("ip4:udp", &net.IPAddr{IP: net.IPv4(192, 0, 2, 1)})
		return err
	})
	if t.Failed() {
		return
	}
	defer in.Close()
	in.SetDeadline(time.Now().Add(20 * time.Second))
	for _, df := range []bool{true, false} {
		out := dialIn(t, client, &measure.Dialer{DontFragment: df}, "192.0.2.1:3000")
		if _, err := out.Write(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		packet := make([]byte, 2000)
		n, _, _, _, err := in.ReadMsgIP(packet, nil)
		if err != nil || n != 1028 {
			t.Fatalf("a packet of %d bytes, %v, want 1028", n, err)
		}
		if got := packet[6]&0x40 != 0; got != df {
			t.Errorf("DontFragment %v: DF is %v", df, got)
		}
	}
	for _, addr := range []string{"192.0.2.1:3000", "[2001:db8::1]:3000"} {
		overhead := 28
		if strings.HasPrefix(addr, "[") {
			overhead = 48
		}
		out := dialIn(t, client, &measure.Dialer{DontFragment: true}, addr)
		out.Write(make([]byte, 1500-overhead)) // may report the ICMP message of an earlier datagram
		_, err := out.Write(make([]byte, 1501-overhead))
		if !udp.TooLong(err) {
			t.Errorf("%s: a datagram above the MTU of the link: %v, want EMSGSIZE", addr, err)
		}
		out = dialIn(t, client, &measure.Dialer{DontFragment: true}, addr)
		if _, err := out.Write(make([]byte, 1500-overhead)); err != nil {
			t.Errorf("%s: a datagram of the MTU of the link: %v", addr, err)
		}
	}
}
