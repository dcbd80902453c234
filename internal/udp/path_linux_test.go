//go:build !ohce_portable

package udp

// What tests may expect of this path.
const (
	batches           = true // a Read returns more than one datagram
	reportsTruncation = true // Truncated is told
	reportsDropped    = true // KernelDropped counts, and Drain keeps new datagrams out
	servesLoopbackNet = true // a wildcard serves all of 127.0.0.0/8
	allocsRead        = 0    // a Read and a Write together, a datagram
)
