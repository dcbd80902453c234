//go:build !linux || ohce_portable

package udp

import "runtime"

// What tests may expect of this path.
const (
	batches           = false
	reportsTruncation = runtime.GOOS == "windows"
	reportsDropped    = false
	servesLoopbackNet = false
	allocsRead        = 0 // for a *net.UDPConn, by its methods that take a netip.AddrPort
)
