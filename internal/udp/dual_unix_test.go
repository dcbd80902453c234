//go:build unix

package udp

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// dualBound returns an IPv6 socket bound to an IPv4 address. Package net does not create such
// sockets, but can use one. The kernel reports their addresses as IPv4-mapped IPv6 addresses.
func dualBound(t *testing.T) ([]Socket, netip.AddrPort) {
	t.Helper()
	needIPv6(t)
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "dual")
	defer f.Close() // FilePacketConn duplicates the descriptor
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0); err != nil {
		t.Skipf("this system has no dual-stack sockets: %v", err)
	}
	mapped := &unix.SockaddrInet6{Addr: netip.MustParseAddr("::ffff:127.0.0.1").As16()}
	if err := unix.Bind(fd, mapped); err != nil {
		t.Fatal(err)
	}
	pc, err := net.FilePacketConn(f)
	if err != nil {
		t.Fatal(err)
	}
	c := newConn(t, pc)
	return []Socket{c}, c.LocalAddr()
}
