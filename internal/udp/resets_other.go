//go:build !windows

package udp

import "syscall"

// quietResets has nothing to do: an unconnected socket is not told of ICMP errors here.
func quietResets(_, _ string, _ syscall.RawConn) error { return nil }
