//go:build !ohce_portable

package ohce_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
)

// dialFrom is dial from a local address.
func dialFrom(t *testing.T, from string, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from+":0")),
		net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestDenyInKernel checks that the kernel drops the datagrams of denied sources on every shard and
// counts them, while a client beside them is answered.
func TestDenyInKernel(t *testing.T) {
	srv := &ohce.Server{Shards: 3}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	serve(t, srv)
	to := srv.Addrs()[0]
	deny := guard.NewPrefixSet(netip.MustParsePrefix("127.0.0.2/32"))
	if err := srv.DenyInKernel(deny); err != nil {
		t.Fatal(err)
	}
	const clients = 60 // on three shards, each of which has some
	for i := range clients {
		fmt.Fprintf(dialFrom(t, "127.0.0.2", to), "denied %d", i)
	}
	other := dial(t, to.String())
	roundTrip(t, other, []byte("admitted"))
	if st := srv.Stats(); st.Received != 1 || st.KernelDropped != clients {
		t.Errorf("received %d, dropped by the kernel %d; want 1 and %d", st.Received, st.KernelDropped,
			clients)
	}
	if err := srv.DenyInKernel(nil); err != nil {
		t.Fatal(err)
	}
	for i := range clients {
		c := dialFrom(t, "127.0.0.2", to)
		fmt.Fprintf(c, "admitted %d", i)
		if _, err := c.Read(make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDenyInKernelTooMany checks that a set that is too large leaves no filter on any socket.
func TestDenyInKernelTooMany(t *testing.T) {
	srv := &ohce.Server{Shards: 2}
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	serve(t, srv)
	prefixes := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	if err := srv.DenyInKernel(guard.NewPrefixSet(prefixes...)); err != nil {
		t.Fatal(err)
	}
	for i := range 10_000 {
		prefixes = append(prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 8), byte(i)}), 24))
	}
	err := srv.DenyInKernel(guard.NewPrefixSet(prefixes...))
	var op *ohce.OpError
	if !errors.As(err, &op) || op.Op != "filter" {
		t.Errorf("DenyInKernel of %d prefixes = %v, want an OpError of \"filter\"", len(prefixes), err)
	}
	for range 10 { // on both shards
		roundTrip(t, dial(t, srv.Addrs()[0].String()), []byte("Hello"))
	}
}

func TestDenyInKernelAfterClose(t *testing.T) {
	srv := new(ohce.Server)
	if err := srv.Listen("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	srv.Close()
	if err := srv.DenyInKernel(nil); !errors.Is(err, ohce.ErrServerClosed) {
		t.Errorf("DenyInKernel after Close = %v, want ErrServerClosed", err)
	}
}
