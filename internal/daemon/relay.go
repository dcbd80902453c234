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

// Impair starts a relay that simulates a bad network between clients and a server. It returns the
// address for clients, and closes the relay at the end of the test.
func Impair(t *testing.T, server netip.AddrPort, model *link.Link) netip.AddrPort {
	t.Helper()
	r := &relay.Relay{To: server.String(), Link: model}
	if err := r.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { r.Serve() }) // ends with Close; Cleanup waits for it
	t.Cleanup(func() { r.Close(); wg.Wait() })
	return r.LocalAddr()
}

// A Dialer counts the sockets that a client opens.
type Dialer struct{ Opened atomic.Int64 }

// Dial opens a socket. It can be the Dial field of an ohce.Client.
func (d *Dialer) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.Opened.Add(1)
	return new(net.Dialer).DialContext(ctx, network, address)
}
