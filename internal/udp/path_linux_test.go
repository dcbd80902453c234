//go:build !ohce_portable

package udp

// These constants describe this implementation for the tests.
const (
	batches           = true // Read can return several datagrams
	reportsTruncation = true // Read sets Truncated
	reportsDropped    = true // KernelDropped counts, and the kernel drops datagrams after Drain
	servesLoopbackNet = true // a wildcard socket serves all of 127.0.0.0/8
	allocsRead        = 0    // allocations for reading and writing one datagram
)
