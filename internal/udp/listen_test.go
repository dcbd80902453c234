package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestListenReturnsAddress(t *testing.T) {
	tests := []struct{ addr, want string }{
		{"127.0.0.1:0", "127.0.0.1"},
		{"127.0.0.1:", "127.0.0.1"},
		{"0.0.0.0:0", "0.0.0.0"},
		{"[::1]:0", "::1"},
		{"[::]:0", "::"},
		{":0", "::"},
		{"[::ffff:127.0.0.1]:0", "127.0.0.1"},
	}
	for _, tt := range tests {
		t.Run(tt.addr, func(t *testing.T) {
			if addr := netip.MustParseAddr(tt.want); addr.Is6() {
				needIPv6(t)
			}
			conns, bound, err := Listen(context.Background(), tt.addr, 1)
			if err != nil {
				t.Fatal(err)
			}
			if bound.Addr() != netip.MustParseAddr(tt.want) || bound.Port() == 0 {
				t.Errorf("Listen returned %v, want %v and a port", bound, tt.want)
			}
			for _, c := range conns {
				closeInTime(t, c)
				got := c.LocalAddr()
				if got.Port() != bound.Port() || got.Addr().Is4In6() {
					t.Errorf("LocalAddr = %v, want port %d and no IPv4-mapped address", got,
						bound.Port())
				}
				if c.Width() < 1 || c.Width() > MaxWidth {
					t.Errorf("Width = %d, want 1 to %d", c.Width(), MaxWidth)
				}
			}
			if len(conns) == 1 && conns[0].LocalAddr() != bound {
				t.Errorf("LocalAddr = %v, want %v", conns[0].LocalAddr(), bound)
			}
		})
	}
}

func TestListenHostName(t *testing.T) {
	conns, bound, err := Listen(context.Background(), "localhost:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	closeInTime(t, conns[0])
	if !bound.Addr().IsLoopback() || bound.Port() == 0 || len(conns) != 1 {
		t.Errorf("Listen returned %d sockets on %v, want one on the loopback interface", len(conns),
			bound)
	}
	cl := client(t, bound)
	send(t, cl, "Hello")
	if got := readN(t, conns[0], 1); got[0] != "Hello" {
		t.Errorf("read %q, want Hello", got)
	}
}

func TestListenGivenPort(t *testing.T) {
	// Another process can bind the free port first, hence several attempts.
	for try := range 5 {
		c := open4(t)
		want := c.LocalAddr()
		c.Close()
		conns, bound, err := Listen(context.Background(), want.String(), 1)
		if err != nil && Taken(err) && try < 4 {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		closeInTime(t, conns[0])
		if bound != want {
			t.Errorf("Listen on %v returned %v", want, bound)
		}
		return
	}
}

func TestListenErrors(t *testing.T) {
	used := open4(t).LocalAddr()
	tests := []struct {
		name, addr string
		is         func(error) bool
	}{
		{"port too large", "127.0.0.1:70000", as[*net.DNSError, *net.AddrError]},
		{"negative port", "127.0.0.1:-1", as[*net.DNSError, *net.AddrError]},
		{"unknown service", "127.0.0.1:nosuchservice", as[*net.DNSError, *net.AddrError]},
		{"missing port", "127.0.0.1", as[*net.AddrError, *net.AddrError]},
		{"empty", "", as[*net.AddrError, *net.AddrError]},
		{"too many colons", "::1:3000", as[*net.AddrError, *net.AddrError]},
		{"unknown name", "nosuch.invalid:0", as[*net.DNSError, *net.DNSError]},
		{"multicast", "224.0.0.1:0", is(errMulticast)},
		{"multicast over IPv6", "[ff02::1]:0", is(errMulticast)},
		{"not local", "192.0.2.77:0", isAddrNotAvailable},
		{"taken", used.String(), Taken},
		{"taken on the wildcard", netip.AddrPortFrom(netip.IPv4Unspecified(),
			used.Port()).String(), Taken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
			defer cancel()
			conns, bound, err := Listen(ctx, tt.addr, 1)
			closeConns(conns)
			if err == nil || !tt.is(err) {
				t.Errorf("Listen(%q) = %v (%T), want another error", tt.addr, err, err)
			}
			if len(conns) != 0 || bound.IsValid() {
				t.Errorf("Listen returned an error and %d sockets on %v, want none", len(conns), bound)
			}
		})
	}
}

func TestListenCanceled(t *testing.T) {
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	conns, _, err := Listen(ctx, "nosuch.invalid:0", 1)
	closeConns(conns)
	if err == nil {
		t.Error("Listen on a name succeeded with a context past its deadline")
	}
}

func as[A, B error](err error) bool {
	var a A
	var b B
	return errors.As(err, &a) || errors.As(err, &b)
}

func closeConns(conns []Socket) {
	for _, c := range conns {
		c.Close()
	}
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}
