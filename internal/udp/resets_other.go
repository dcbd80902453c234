//go:build !windows

package udp

import "syscall"

// ignoreResets does nothing, because only Windows reports ICMP errors on unconnected sockets.
func ignoreResets(_, _ string, _ syscall.RawConn) error { return nil }
