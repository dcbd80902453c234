//go:build !linux || ohce_portable

package udp

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// bindTries is the maximum number of attempts to find a port that is free on every address.
const bindTries = 16

func newUDP(c *net.UDPConn) (Socket, error) { return newPacketConn(c) }

// adopt returns a Socket that uses c, with the features and buffer sizes of one returned by Listen.
func adopt(c *net.UDPConn) (Socket, error) {
	growBuffers(c)
	return newUDP(c)
}

func connectUDP(c *net.UDPConn) (Socket, error) { return newPacketConn(connected{c}) }

// growBuffers enlarges the buffers of c to socketBuffer or, if the system refuses that, to less.
// FreeBSD refuses sizes beyond kern.ipc.maxsockbuf. Other systems grant their limit instead, and
// some do not report the size granted, so growBuffers returns no warning.
func growBuffers(c *net.UDPConn) (warning string) {
	growBuffer(c.SetReadBuffer, socketBuffer)
	growBuffer(c.SetWriteBuffer, socketBuffer)
	return ""
}

// growSend enlarges the send buffer to hold the longest datagram. On macOS and FreeBSD, a socket
// cannot send a datagram longer than its send buffer, which has 9,216 bytes by default
// (net.inet.udp.maxdgram).
func growSend(c *net.UDPConn) { growBuffer(c.SetWriteBuffer, 4*minSendBuffer) }

// minSendBuffer is the size of a send buffer that holds any datagram and its address.
const minSendBuffer = 1 << 17

func growBuffer(set func(bytes int) error, size int) {
	for ; size >= minSendBuffer; size /= 2 {
		if set(size) == nil {
			return
		}
	}
	// The buffer keeps its default size, which is enough for shorter datagrams.
}

// listen binds ap. For a wildcard address, it binds one socket to each address of the machine. It
// does not open sockets that share an address.
func listen(ctx context.Context, ap netip.AddrPort, _ int) ([]Socket, netip.AddrPort, error) {
	if !ap.Addr().IsUnspecified() {
		conns, port, err := bindAll(ctx, []netip.Addr{ap.Addr()}, ap.Port())
		if err != nil {
			return nil, netip.AddrPort{}, err
		}
		return conns, netip.AddrPortFrom(ap.Addr(), port), nil
	}
	addrs, err := machineAddrs(ap.Addr().Is4())
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	for range bindTries {
		conns, port, err := bindAll(ctx, addrs, ap.Port())
		if err == nil {
			return conns, netip.AddrPortFrom(ap.Addr(), port), nil
		}
		if ap.Port() != 0 || !isAddrInUse(err) {
			return nil, netip.AddrPort{}, err
		}
	}
	return nil, netip.AddrPort{}, errors.New("no port is free on every address")
}

// bindAll binds the same port on every address. It skips addresses that cannot be bound, such as an
// IPv6 address during duplicate address detection, but fails if it can bind none.
func bindAll(ctx context.Context, addrs []netip.Addr, port uint16) ([]Socket, uint16, error) {
	var conns []Socket
	var skipped error
	for _, addr := range addrs {
		ap := netip.AddrPortFrom(addr, port)
		c, err := bindOne(ctx, ap)
		if isAddrNotAvailable(err) {
			skipped = err
			continue
		}
		if err != nil {
			closeAll(conns)
			return nil, 0, err
		}
		conns = append(conns, c)
		port = c.LocalAddr().Port()
	}
	if len(conns) == 0 {
		return nil, 0, errors.Join(skipped, errNoAddress(len(addrs)))
	}
	return conns, port, nil
}

func errNoAddress(addrs int) error {
	if addrs > 0 {
		return nil
	}
	return errors.New("this machine has no address of the requested family")
}

func bindOne(ctx context.Context, ap netip.AddrPort) (Socket, error) {
	c, _, err := bind(ctx, network(ap), ap, ignoreResets)
	if err != nil {
		return nil, err
	}
	return newUDP(c)
}

// machineAddrs returns the addresses of this machine's interfaces. If only4 is true, it leaves out
// IPv6 addresses.
func machineAddrs(only4 bool) ([]netip.Addr, error) {
	ifs, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, ifc := range ifs {
		if ifc.Flags&net.FlagUp == 0 {
			continue
		}
		nets, err := ifc.Addrs()
		if err != nil {
			return nil, err
		}
		addrs = appendAddrs(addrs, nets, ifc.Name, only4)
	}
	return addrs, nil
}

func appendAddrs(addrs []netip.Addr, nets []net.Addr, zone string, only4 bool) []netip.Addr {
	for _, n := range nets {
		p, err := netip.ParsePrefix(n.String())
		if err != nil {
			continue // not an IP address
		}
		addr := p.Addr().Unmap()
		if only4 && !addr.Is4() {
			continue
		}
		if addr.Is6() && addr.IsLinkLocalUnicast() {
			addr = addr.WithZone(zone)
		}
		addrs = append(addrs, addr)
	}
	return addrs
}
