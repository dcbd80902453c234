package udp

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestOpenSocket sends from a peer and from another socket. Read returns the datagrams of the peer, and
// an error after the peer has closed its socket.
func TestOpenSocket(t *testing.T) {
	for _, host := range []string{"127.0.0.1:0", "[::1]:0"} {
		peer, stranger := listenTest(t, host), listenTest(t, host)
		var others []netip.AddrPort
		c, err := Options{}.DialOpen(t.Context(), addrOf(peer), func(from netip.AddrPort) {
			others = append(others, from)
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := c.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		_, client, err := peer.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Fatal(err)
		}
		for _, from := range []*net.UDPConn{stranger, peer} {
			if _, err := from.WriteToUDPAddrPort([]byte("response"), client); err != nil {
				t.Fatal(err)
			}
		}
		n, err := c.Read(buf)
		if err != nil || string(buf[:n]) != "response" || len(others) != 1 || others[0] != addrOf(stranger) {
			t.Errorf("%s: read %q, %v; datagrams of others from %v, want %v", host, buf[:n], err, others, addrOf(stranger))
		}
		if c.RemoteAddr().String() != peer.LocalAddr().String() {
			t.Errorf("%s: the peer is %v, want %v", host, c.RemoteAddr(), peer.LocalAddr())
		}
		peer.Close()
		if _, err := c.Write([]byte("request")); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(buf); !Refused(err) {
			t.Errorf("%s: the error of a closed port is %v", host, err)
		}
	}
}

func listenTest(t *testing.T, addr string) *net.UDPConn {
	t.Helper()
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	c := pc.(*net.UDPConn)
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

func addrOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }
