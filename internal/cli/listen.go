package cli

import (
	"context"
	"net"
	"net/netip"

	"github.com/ohce/ohce"
)

// listenAll binds the addresses of --listen. It binds none if one of them is malformed or given
// twice.
func listenAll(ctx context.Context, srv *ohce.Server, addrs []string) error {
	if len(addrs) == 0 {
		return usage("write HOST:PORT, as in 127.0.0.1:3000", "--listen is empty")
	}
	var bound []listenAddress
	for _, addr := range addrs {
		if err := checkAddress("listen", addr); err != nil {
			return err
		}
		next := resolveListen(ctx, addr)
		for _, b := range bound {
			if err := overlap(b, next); err != nil {
				return err
			}
		}
		bound = append(bound, next)
	}
	for _, addr := range addrs {
		if err := srv.Listen(addr); err != nil {
			return listenFailure(addr, err)
		}
	}
	return nil
}

// A listenAddress is a value of --listen.
type listenAddress struct {
	text string
	addr netip.AddrPort // the zero value if text cannot be resolved; Listen reports the error
}

// resolveListen resolves a value of --listen. An empty host means all addresses.
func resolveListen(ctx context.Context, text string) listenAddress {
	none := listenAddress{text: text}
	host, service, err := net.SplitHostPort(text)
	if err != nil {
		return none
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return none
	}
	ip := netip.IPv6Unspecified()
	if host != "" {
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil || len(ips) == 0 {
			return none
		}
		ip = ips[0].Unmap()
	}
	return listenAddress{text, netip.AddrPortFrom(ip, uint16(port))}
}

// overlap returns an error if two addresses cannot be bound together, because they are the same or
// one includes the other.
func overlap(a, b listenAddress) error {
	if a.addr.Port() == 0 || a.addr.Port() != b.addr.Port() {
		return nil
	}
	if includes(b.addr.Addr(), a.addr.Addr()) {
		a, b = b, a
	}
	switch {
	case a.text == b.text:
		return usage("give each address once; --shards N serves it with N sockets",
			"--listen %s is given twice", a.text)
	case a.addr == b.addr:
		return usage("give each address once", "--listen %s and --listen %s are the same address",
			a.text, b.text)
	case includes(a.addr.Addr(), b.addr.Addr()):
		return usage("leave out one of the two addresses, or choose another port",
			"--listen %s includes %s, which is given too", a.text, b.text)
	default:
		return nil
	}
}

// includes reports whether a is a wildcard address that receives the datagrams to b as well. The
// IPv6 wildcard receives those to IPv4 addresses too.
func includes(a, b netip.Addr) bool {
	return a.IsUnspecified() && a != b && (a.Is6() || b.Is4())
}
