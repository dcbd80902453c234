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

// socketBuffer is the size requested for the receive and send buffers, in bytes. It holds about
// 5,000 small datagrams, which arrive in 10 ms at the highest rate of one socket.
const socketBuffer = 4 << 20

// Listen binds addr, which has the form "host:port", and returns the sockets and the bound address.
//
//   - An empty host or "[::]" binds every address of both families, "0.0.0.0" every IPv4 address.
//   - If the host is a name, Listen binds the first address to which it resolves.
//   - If the port is 0, the system chooses one. The returned address contains it.
//   - A multicast address is an error. Package net would bind the wildcard address instead.
//
// On Linux 3.9 or later, Listen opens share sockets with SO_REUSEPORT, and the kernel distributes
// clients over them. If share is less than 2, and on other systems, it opens a single socket for an
// address. Another socket can join the group only if it sets the option too and belongs to the same
// user.
//
// If the process has too many files open, Listen fails with an error for which TooManyFiles is
// true.
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

var errMulticast = errors.New("multicast addresses are not supported: " +
	"listen on an address of this machine, 0.0.0.0 or [::]")

// resolve resolves an address of the form "host:port". An empty host becomes the IPv6 wildcard,
// which network maps to both families.
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

// A control is a function for net.ListenConfig.Control, which is called before a socket is bound.
type control = func(network, address string, c syscall.RawConn) error

// bind opens one UDP socket on ap and enlarges its buffers. See growBuffers for warning.
func bind(ctx context.Context, network string, ap netip.AddrPort, prepare control) (
	pc *net.UDPConn, warning string, err error,
) {
	addr := ap.String()
	if network == "udp" {
		// Without a host, package net also works on a machine that has only IPv4.
		addr = net.JoinHostPort("", strconv.Itoa(int(ap.Port())))
	}
	lc := net.ListenConfig{Control: prepare}
	c, err := lc.ListenPacket(ctx, network, addr)
	if err != nil {
		return nil, "", err
	}
	pc, ok := c.(*net.UDPConn)
	if !ok {
		return nil, "", errors.Join(fmt.Errorf("unexpected %T for network %s", c, network), c.Close())
	}
	return pc, growBuffers(pc), nil
}

func closeAll(conns []Socket) {
	for _, c := range conns {
		c.Close()
	}
}

// Dial returns a UDP socket connected to addr, which has the form "host:port". If the host is a
// name, Dial uses the first of its addresses to which a socket can be connected. The send buffer
// holds a datagram of any length that UDP allows.
//
// If the process has too many files open, Dial fails with an error for which TooManyFiles is true.
func Dial(ctx context.Context, addr string) (net.Conn, error) {
	c, err := Options{}.Dial(ctx, "udp", addr)
	if err != nil {
		return nil, err // not c, which would be a non-nil net.Conn
	}
	return c, nil
}

// network returns the network name of package net for ap. The IPv6 wildcard stands for both
// families.
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

// New returns a Socket that uses pc. The caller must no longer read, write or close pc itself. If
// pc is a *net.UDPConn, the Socket has the same features and buffer sizes as one returned by
// Listen. For any other type, it reads and writes one datagram at a time, and the addresses of pc
// must have the format of netip.ParseAddrPort. If New fails, pc remains open and the caller must
// close it.
func New(pc net.PacketConn) (Socket, error) {
	if u, ok := pc.(*net.UDPConn); ok {
		return adopt(u)
	}
	return newPacketConn(pc)
}

// Connect returns a Socket that uses conn, which must be connected and keep datagram boundaries.
// The caller must no longer use conn itself. If conn is a *net.UDPConn, Connect enlarges its
// buffers.
//
// Write ignores Message.Peer and sends to the peer of conn. If the peer's port is unreachable, a
// later Read or Write fails with an error for which Refused is true. Such a Write has not sent the
// message that it failed at.
func Connect(conn net.Conn) (Socket, error) {
	if u, ok := conn.(*net.UDPConn); ok {
		growBuffers(u)
		return connectUDP(u)
	}
	c := &packetConn{pc: connected{conn}, fast: connected{conn}}
	// The address of a conn that is not a system socket need not be an IP address.
	if local, err := addrPort(conn.LocalAddr()); err == nil {
		c.local, c.fixedLocal = local, local.Addr()
	}
	return c, nil
}

// connected implements net.PacketConn on a connection. ReadFromUDPAddrPort does not return the
// peer, which is always the same.
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

// addrPort converts a net.Addr. It fails if a is not an IP address with a port.
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
