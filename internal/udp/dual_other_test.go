//go:build !unix

package udp

import (
	"net/netip"
	"testing"
)

func dualBound(t *testing.T) ([]Socket, netip.AddrPort) {
	t.Skip("the socket is made by the calls of Unix")
	return nil, netip.AddrPort{}
}
