//go:build !unix

package udp

import (
	"net/netip"
	"testing"
)

func dualBound(t *testing.T) ([]Socket, netip.AddrPort) {
	t.Skip("needs the system calls of Unix")
	return nil, netip.AddrPort{}
}
