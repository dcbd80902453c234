package daemon

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// Impair starts a relay that carries datagrams between clients and a server over a bad network. It
// returns the address that clients send to. The relay is closed at the end of the test.
func Impair(t *testing.T, server netip.AddrPort, model *link.Link) netip.AddrPort {
	t.Helper()
	r := &relay.Relay{To: server.String(), Link: model}
	if err := r.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { r.Serve() }) // ends with Close
	t.Cleanup(func() { r.Close(); wg.Wait() })
	return r.LocalAddr()
}

// A Dialer opens sockets for a client and counts them.
type Dialer struct{ Opened atomic.Int64 }

// Dial is the function for ohce.Client.Dial.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.Opened.Add(1)
	return new(net.Dialer).DialContext(ctx, network, address)
}
