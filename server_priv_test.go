//go:build priv && linux

package ohce_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/netns"
)

// listenIn makes srv listen in a host and returns the port. srv can be served from any namespace.
func listenIn(t *testing.T, h netns.Host, srv *ohce.Server, addr string) uint16 {
	t.Helper()
	h.Do(t, func() error { return srv.Listen(addr) })
	if t.Failed() {
		t.FailNow()
	}
	return srv.Addrs()[0].Port()
}

// socketIn returns a socket in a host that is bound to an address and not connected.
func socketIn(t *testing.T, h netns.Host, addr string) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	h.Do(t, func() (err error) {
		c, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0)))
		return err
	})
	if c == nil {
		t.FailNow()
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(testTimeout))
	return c
}

// TestPrivWildcardServer checks that a server on a wildcard address with six addresses of both
// families responds from the address that the request was sent to.
func TestPrivWildcardServer(t *testing.T) {
	server, client := netns.Two(t)
	server.AddAddrs(t, "198.51.100.7/32", "2001:db8:1::7/128")
	client.IP(t, "route add 198.51.100.7 via 192.0.2.1")
	client.IP(t, "route add 2001:db8:1::7 via 2001:db8::1")
	for _, listen := range []string{"[::]:0", "0.0.0.0:0"} {
		srv := &ohce.Server{Handler: ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
			fmt.Fprint(w, r.LocalAddr.Addr())
		})}
		port := listenIn(t, server, srv, listen)
		serve(t, srv)
		requested := map[string][]string{
			"192.0.2.2":   {"192.0.2.1", "192.0.2.3", "198.51.100.7"},
			"2001:db8::2": {"2001:db8::1", "2001:db8::3", "2001:db8:1::7"},
		}
		if listen == "0.0.0.0:0" {
			delete(requested, "2001:db8::2")
		}
		for from, all := range requested {
			c := socketIn(t, client, from)
			for _, addr := range all {
				to := netip.AddrPortFrom(netip.MustParseAddr(addr), port)
				if _, err := c.WriteToUDPAddrPort([]byte("who?"), to); err != nil {
					t.Fatal(err)
				}
				buf := make([]byte, 100)
				n, peer, err := c.ReadFromUDPAddrPort(buf)
				if err != nil {
					t.Fatalf("%s, request to %v: %v", listen, to, err)
				}
				peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
				if peer != to || string(buf[:n]) != addr {
					t.Errorf("%s, request to %v: response from %v, and LocalAddr is %s", listen, to, peer, buf[:n])
				}
			}
		}
	}
}

// TestPrivWriteErrorsAffectOneDatagram checks that write errors within a batch affect no other
// response. One peer is reachable. The others are blocked by the packet filter (EPERM), without a
// route (EHOSTUNREACH), without an ARP entry, and with a full receive buffer. The reachable peer
// must get all its responses in order.
func TestPrivWriteErrorsAffectOneDatagram(t *testing.T) {
	const rounds = 60 // each of one datagram per peer, so that batches contain all peers
	server, client := netns.Two(t)
	peers := []string{"192.0.2.2", "192.0.2.66", "192.0.2.77", "192.0.2.88", "192.0.2.99"}
	for _, p := range peers[1:] {
		client.AddAddrs(t, p+"/24")
	}
	srv := new(ohce.Server)
	port := listenIn(t, server, srv, "192.0.2.1:0")
	to := netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)
	var conns []*net.UDPConn
	for _, p := range peers {
		conns = append(conns, socketIn(t, client, p))
	}
	slow := conns[4]
	slow.SetReadBuffer(1)
	for i := range rounds {
		for _, c := range conns {
			if _, err := c.WriteToUDPAddrPort(fmt.Appendf(nil, "request %d", i), to); err != nil {
				t.Fatal(err)
			}
		}
	}
	// The kernel has queued all requests. Now block the responses.
	server.Exec(t, "nft", "add table inet ohce; "+
		"add chain inet ohce out { type filter hook output priority 0; }; "+
		"add rule inet ohce out ip daddr 192.0.2.66 drop")
	server.IP(t, "route add unreachable 192.0.2.77/32")
	conns[3].Close()
	client.IP(t, "addr del 192.0.2.88/24 dev ohce1")
	server.IP(t, "neigh flush all")

	serve(t, srv)
	buf := make([]byte, 100)
	for i := range rounds {
		n, err := conns[0].Read(buf)
		if want := fmt.Appendf(nil, "request %d", i); err != nil || !bytes.Equal(buf[:n], want) {
			t.Fatalf("answer %d is %q (%v), want %q", i, buf[:n], err, want)
		}
	}
	if err := srv.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	st := srv.Stats()
	if st.Received != rounds*5 || st.Answered != rounds*3 || st.Dropped[ohce.DropUnsent] != rounds*2 {
		t.Errorf("%d received, %d answered, %d unsent, want %d, %d, %d", st.Received, st.Answered,
			st.Dropped[ohce.DropUnsent], rounds*5, rounds*3, rounds*2)
	}
	for _, e := range []string{"EPERM", "EHOSTUNREACH"} {
		if got := st.WriteErrors[e]; got != rounds {
			t.Errorf("%d times %q among the errors %v, want %d", got, e, st.WriteErrors, rounds)
		}
	}
}
