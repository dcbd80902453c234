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

// ShardStats returns the current counters of each shard, in the order of the sockets. Before Serve,
// most of them are 0.
func (s *Server) ShardStats() []ShardStats {
	s.mu.Lock()
	shards, listeners := s.shards, s.listeners
	s.mu.Unlock()
	var all []ShardStats
	for _, l := range listeners {
		for _, c := range l.conns {
			all = append(all, ShardStats{
				Addr: c.LocalAddr(), ServerStats: ServerStats{KernelDropped: c.KernelDropped()},
			})
		}
	}
	for i, sh := range shards { // none before Serve
		sh.counters.addAllTo(&all[i])
	}
	return all
}

// addAllTo adds the counters to stats, which has only KernelDropped.
func (c *serverCounters) addAllTo(stats *ShardStats) {
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
