//go:build !ohce_portable

package udp

import "golang.org/x/sys/unix"

// reportHopLimit sets the options of both families on an IPv6 socket, because it can receive IPv4
// datagrams too.
func (c *udpConn) reportHopLimit() error {
	return c.setHopOption(unix.IP_RECVTTL, unix.IPV6_RECVHOPLIMIT, 1)
}

func (c *udpConn) setHopLimit(hops int) error {
	return c.setHopOption(unix.IP_TTL, unix.IPV6_UNICAST_HOPS, hops)
}

// setHopOption sets the option for IPv4 and, on an IPv6 socket, the one for IPv6.
func (c *udpConn) setHopOption(ip4, ip6, value int) error {
	return c.control(func(sock int) error {
		err4 := unix.SetsockoptInt(sock, unix.IPPROTO_IP, ip4, value)
		if !c.inet6 {
			return err4
		}
		return unix.SetsockoptInt(sock, unix.IPPROTO_IPV6, ip6, value)
	})
}
