package ohce

import (
	"math/bits"
	"net/netip"
	"time"
)

// A ShardStats holds the counters of one shard of a Server.
type ShardStats struct {
	ServerStats

	// Addr is the address of the shard's socket.
	Addr netip.AddrPort
	// RequestBytes and ResponseBytes are the bytes in the datagrams that Received and Answered
	// count. A request that is too long for the server counts with BufferSize + 1 bytes at most.
	RequestBytes, ResponseBytes uint64
	// ReadSizes counts the reads of the socket by the number of datagrams that they returned.
	ReadSizes ReadSizes
	// HandlerTimes holds how long calls of the handler took: one call for each read of the socket,
	// so that the measurement costs little under load. The duration of a deferred response ends
	// with the Deferred, and includes the time in the queue of a Concurrent handler.
	HandlerTimes DurationHistogram
}

// ReadSizes counts reads by the number of datagrams that they returned. The reads with up to 1<<i
// datagrams that i-1 does not include are ReadSizes[i].
type ReadSizes [13]uint64

func (r *ReadSizes) record(datagrams int) {
	i := bits.Len(uint(max(datagrams, 1) - 1))
	r[min(i, len(r)-1)]++
}

// ShardStats returns the current counters of each shard. Before Serve there are none.
func (s *Server) ShardStats() []ShardStats {
	s.mu.Lock()
	shards := s.shards
	s.mu.Unlock()
	all := make([]ShardStats, len(shards))
	for i, sh := range shards {
		sh.counters.copyTo(&all[i])
		all[i].Addr = sh.conn.LocalAddr()
		all[i].KernelDropped = sh.conn.KernelDropped()
	}
	return all
}

// copyTo copies the counters to stats, except KernelDropped.
func (c *serverCounters) copyTo(stats *ShardStats) {
	c.addTo(&stats.ServerStats)
	c.mu.Lock()
	defer c.mu.Unlock()
	stats.RequestBytes, stats.ResponseBytes = c.requestBytes, c.responseBytes
	stats.ReadSizes, stats.HandlerTimes = c.reads, c.handlerTimes
}

// handled adds the duration of a call of the handler.
func (c *serverCounters) handled(d time.Duration) {
	c.mu.Lock()
	c.handlerTimes.record(d)
	c.mu.Unlock()
}
