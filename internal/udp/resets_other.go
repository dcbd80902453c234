//go:build !windows

package udp

import "syscall"

// ignoreResets has nothing to do: an unconnected socket is not told of ICMP errors here.
func ignoreResets(_, _ string, _ syscall.RawConn) error { return nil }
