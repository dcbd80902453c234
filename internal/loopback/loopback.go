// Package loopback finds UDP ports of this machine for demonstrations and tests: one that is closed,
// and one that a server can listen on.
package loopback

import (
	"math/rand/v2"
	"net"
	"net/netip"
)

var localhost = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// ClosedPort returns a socket whose port looks closed to others: the socket is connected, so the
// kernel refuses datagrams from other addresses with ICMP port unreachable. No other socket gets the
// port while this one is open. The caller closes it.
func ClosedPort() (*net.UDPConn, error) {
	// The peer is the discard port. Any port that does not send to this socket will do.
	peer := net.UDPAddrFromAddrPort(netip.AddrPortFrom(localhost, 9))
	return net.DialUDP("udp4", &net.UDPAddr{IP: peer.IP}, peer)
}

// The ports from which FreeAddr chooses. Linux, macOS and Windows give higher ports to clients (on
// Linux from 32768, see ip(7)), so no client can take the port before the server listens.
const (
	firstFree = 10000
	lastFree  = 32767
)

// FreeAddr returns an address of the loopback interface whose port no socket uses. After 100 ports
// that are in use, it returns the error of the last one.
func FreeAddr() (netip.AddrPort, error) {
	var err error
	for range 100 {
		addr := netip.AddrPortFrom(localhost, uint16(firstFree+rand.IntN(lastFree-firstFree+1)))
		var conn *net.UDPConn
		if conn, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(addr)); err == nil {
			return addr, conn.Close()
		}
	}
	return netip.AddrPort{}, err
}
