//go:build !linux

package udp

import (
	"net"
	"sync/atomic"
)

var pollerReady atomic.Bool

// roomForPoller does nothing: only on Linux does the runtime crash for want of descriptors.
func roomForPoller() error { return nil }

// InReserve reports false: there is no portable way to learn the limit of descriptors.
func InReserve(net.Conn) bool { return false }
