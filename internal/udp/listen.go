package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// socketBuffer is what a socket asks for as its receive and send buffers, in bytes: room for about
// five thousand small datagrams, a hundredth of a second at the highest rate that one socket takes.
const socketBuffer = 4 << 20

// Listen binds addr, "host:port", and returns its sockets and the address they serve. An empty host
// or "[::]" means every address of both families, "0.0.0.0" every IPv4 address; port 0 means a free
// port, which the returned address has. A host name is resolved, and its first address is used. A
// multicast address is an error, because the system would bind the wildcard in its place.
//
// Where the system spreads clients over sockets that share an address (SO_REUSEPORT, Linux 3.9),
// Listen opens share sockets; elsewhere, and if share is less than 2, one. Only programs of the
// same user that ask for it can join them later.
//
// TooManyFiles reports whether it failed because the process has too many files open.
func Listen(ctx context.Context, addr string, share int) ([]Socket, netip.AddrPort, error) {
	if err := roomForPoller(); err != nil {
		return nil, netip.AddrPort{}, err
	}
	ap, err := resolve(ctx, addr)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	if ap.Addr().IsMulticast() {
		return nil, netip.AddrPort{}, errMulticast
	}
	socks, bound, err := listen(ctx, ap, share)
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	pollerReady.Store(true)
	return socks, bound, nil
}

var errMulticast = errors.New("this is a multicast address, and groups are not joined: " +
	"listen on an address of this machine, 0.0.0.0 or [::]")

// resolve turns "host:port" into an address. An empty host is the IPv6 wildcard, which stands for
// both families.
func resolve(ctx context.Context, addr string) (netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if host == "" {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)), nil
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return netip.AddrPortFrom(ip.Unmap(), uint16(port)), nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if len(ips) == 0 {
		return netip.AddrPort{}, fmt.Errorf("%s has no address", host)
	}
	return netip.AddrPortFrom(ips[0].Unmap(), uint16(port)), nil
}

// A control works on a socket before it is bound (net.ListenConfig).
type control = func(network, address string, c syscall.RawConn) error

// bind opens one UDP socket on ap and gives it large buffers; see growBuffers for warning.
func bind(ctx context.Context, network string, ap netip.AddrPort, prepare control) (
	pc *net.UDPConn, warning string, err error,
) {
	addr := ap.String()
	if network == "udp" {
		// Without a host package net takes what the kernel has, which may be IPv4 alone.
		addr = net.JoinHostPort("", strconv.Itoa(int(ap.Port())))
	}
	lc := net.ListenConfig{Control: prepare}
	c, err := lc.ListenPacket(ctx, network, addr)
	if err != nil {
		return nil, "", err
	}
	pc, ok := c.(*net.UDPConn)
	if !ok {
		return nil, "", errors.Join(fmt.Errorf("%s gave a %T", network, c), c.Close())
	}
	return pc, growBuffers(pc), nil
}

func closeAll(conns []Socket) {
	for _, c := range conns {
		c.Close()
	}
}

// Dial connects a UDP socket to addr, "host:port", which can send datagrams of any length that the
// protocol allows. Of a host name it uses the first address that a socket can be connected to.
// TooManyFiles reports whether it failed because the process has too many files open.
func Dial(ctx context.Context, addr string) (net.Conn, error) {
	if err := roomForPoller(); err != nil {
		return nil, err
	}
	d := net.Dialer{Control: ignoreResets}
	c, err := d.DialContext(ctx, "udp", addr)
	if err != nil {
		return nil, err
	}
	pollerReady.Store(true)
	if u, ok := c.(*net.UDPConn); ok {
		growSend(u)
	}
	return c, nil
}

// network is the Go name of the socket family for ap: a wildcard of IPv6 takes both families.
func network(ap netip.AddrPort) string {
	switch {
	case ap.Addr().Is4():
		return "udp4"
	case ap.Addr().IsUnspecified():
		return "udp"
	default:
		return "udp6"
	}
}

// New takes over a socket that exists, and which only the Socket may be used to read, write and
// close from then on. A *net.UDPConn becomes equal to a socket of Listen, with the same buffers;
// anything else is read and written one datagram at a time. The addresses of pc must be IP
// addresses with ports, in the form that netip.ParseAddrPort reads. If New fails, pc stays open and
// is the caller's.
func New(pc net.PacketConn) (Socket, error) {
	if u, ok := pc.(*net.UDPConn); ok {
		return adopt(u)
	}
	return newPacketConn(pc)
}

// Connect takes over a socket that is connected to its only peer, and gives it large buffers if it
// is a *net.UDPConn. Write sends to that peer, whatever Message.Peer says. If its port is
// unreachable, a later Read or Write fails with an error for which Refused is true; the datagrams
// of that Write were not sent.
func Connect(conn net.Conn) (Socket, error) {
	if u, ok := conn.(*net.UDPConn); ok {
		growBuffers(u)
		return connectUDP(u)
	}
	c := &packetConn{pc: connected{conn}, fast: connected{conn}}
	// Any connection that keeps datagram boundaries will do; its addresses need not be IP addresses.
	if local, err := addrPort(conn.LocalAddr()); err == nil {
		c.local, c.fixedLocal = local, local.Addr()
	}
	return c, nil
}

// connected makes a net.PacketConn of a connection. It does not report the peer, which is always the
// same.
type connected struct{ net.Conn }

func (c connected) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}

func (c connected) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

func (c connected) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, err := c.Read(b)
	return n, netip.AddrPort{}, err
}

func (c connected) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) { return c.Write(b) }

// addrPort reads a net.Addr.
func addrPort(a net.Addr) (netip.AddrPort, error) {
	if u, ok := a.(*net.UDPAddr); ok {
		ap := u.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
	}
	if a == nil {
		return netip.AddrPort{}, errors.New("no address")
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%s address %q is not host:port", a.Network(),
			strings.TrimSpace(a.String()))
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), nil
}
