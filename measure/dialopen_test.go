package measure_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
	"github.com/ohce/ohce/ohcetest"
)

// TestDialOpen makes an exchange over a socket that is not connected.
func TestDialOpen(t *testing.T) {
	srv := ohcetest.NewServer(nil)
	defer srv.Close()
	d := measure.Dialer{Source: netip.MustParseAddrPort("127.0.0.1:0"), TTL: 9}
	c := &ohce.Client{Addr: srv.Addr, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		return d.DialOpen(ctx, network, address, func(from netip.AddrPort) { t.Errorf("a datagram from %v", from) })
	}}
	defer c.Close()
	response, err := c.Exchange(t.Context(), []byte("Hello"))
	if runtime.GOOS != "linux" {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("the error is %v", err)
		}
		return
	}
	if err != nil || string(response.Data) != "Hello" || response.RemoteAddr.String() != srv.Addr {
		t.Errorf("response %+v, error %v", response, err)
	}
	d.TTL = 256
	if _, err := d.DialOpen(t.Context(), "udp", srv.Addr, nil); err == nil {
		t.Error("a TTL of 256 is no error")
	}
	d = measure.Dialer{Source: netip.MustParseAddrPort("192.0.2.1:0")}
	if _, err := d.DialOpen(t.Context(), "udp", srv.Addr, nil); !errors.Is(err, measure.ErrNotLocal) {
		t.Errorf("the error of an address of another machine is %v", err)
	}
}
