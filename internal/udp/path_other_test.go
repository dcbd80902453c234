//go:build !linux || ohce_portable

package udp

import "runtime"

// These constants describe this implementation for the tests.
const (
	batches           = false
	reportsTruncation = runtime.GOOS == "windows"
	reportsDropped    = false
	servesLoopbackNet = false
	allocsRead        = 0 // a *net.UDPConn has methods that take a netip.AddrPort
)
