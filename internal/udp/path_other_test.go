//go:build !linux || ohce_portable

package udp

import "runtime"

// What the tests can expect of this implementation.
const (
	batches           = false
	reportsTruncation = runtime.GOOS == "windows"
	reportsDropped    = false
	servesLoopbackNet = false
	allocsRead        = 0 // a *net.UDPConn has methods that take a netip.AddrPort
)
