package cli

import (
	"context"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/handover"
)

// listenAll takes the sockets with the addresses of --listen from in, and binds the other
// addresses. It does nothing if an address is malformed or given twice. Without --listen, it takes
// all sockets.
func listenAll(
	ctx context.Context, srv *ohce.Server, f *serveFlags, in *handover.Inheritance,
) error {
	if !f.listenGiven && len(in.Sockets) > 0 {
		conns := in.Conns()
		in.Sockets = nil
		return srv.Adopt(conns...)
	}
	wanted, err := parseListen(ctx, f.listen)
	if err != nil {
		return err
	}
	var taken []net.PacketConn
	for _, w := range wanted {
		conns := w.take(in)
		if taken = append(taken, conns...); len(conns) > 0 {
			continue
		}
		if err := srv.Listen(w.text); err != nil {
			closeConns(taken)
			return listenFailure(w.text, err)
		}
	}
	storeSockets(srv) // before Adopt, because systemd already has the inherited sockets
	return srv.Adopt(taken...)
}

func closeConns(conns []net.PacketConn) {
	for _, c := range conns {
		c.Close()
	}
}

// storeSockets stores the sockets of srv in the file descriptor store of systemd, if there is one.
func storeSockets(srv *ohce.Server) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	files, err := srv.Files()
	if err != nil {
		return // the sockets cannot be duplicated, and the server works without the store
	}
	_ = handover.Store("ohce", files...)
	closeFiles(files)
}

// take takes the sockets with the address from in. An empty host is the IPv4 wildcard on a system
// without IPv6.
func (l listenAddress) take(in *handover.Inheritance) []net.PacketConn {
	conns := in.Take(l.addr)
	if len(conns) == 0 && strings.HasPrefix(l.text, ":") {
		conns = in.Take(netip.AddrPortFrom(netip.IPv4Unspecified(), l.addr.Port()))
	}
	return conns
}

// parseListen parses the addresses of --listen. It fails if one of them is malformed or given
// twice.
func parseListen(ctx context.Context, addrs []string) ([]listenAddress, error) {
	if len(addrs) == 0 {
		return nil, usage("write HOST:PORT, as in 127.0.0.1:3000", "--listen is empty")
	}
	var wanted []listenAddress
	for _, addr := range addrs {
		if err := checkAddress("listen", addr); err != nil {
			return nil, err
		}
		next := resolveListen(ctx, addr)
		for _, w := range wanted {
			if err := overlap(w, next); err != nil {
				return nil, err
			}
		}
		wanted = append(wanted, next)
	}
	return wanted, nil
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
