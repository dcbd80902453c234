package ohce

import (
	"math/bits"
	"net/netip"
)

// A ShardStats holds the counters of one shard of a Server.
type ShardStats struct {
	// Stats has the same counters as Server.Stats.
	Stats ServerStats `json:"stats"`
	// Addr is the address of the shard's socket.
	Addr netip.AddrPort `json:"addr"`
	// RequestBytes and ResponseBytes are the bytes in the datagrams that Stats.Received and
	// Stats.Answered count. If a request does not fit into the buffer, the part that was read counts.
	RequestBytes  uint64 `json:"request_bytes"`
	ResponseBytes uint64 `json:"response_bytes"`
	// ReadSizes counts the reads of the socket by the number of datagrams that they returned.
	ReadSizes ReadSizes `json:"read_sizes"`
	// HandlerTimes holds how long calls of the handler took: the first call after each read of the
	// socket, so that the measurement costs little under load. The duration of a deferred response
	// ends with the Deferred, and includes the time in the queue of a Concurrent handler. Calls that
	// drop the request as DropBusy or DropDuplicate do not count.
	HandlerTimes DurationHistogram `json:"handler_times"`
}

// ReadSizes counts reads by the number of datagrams that they returned. The reads with up to 1<<i
// datagrams that i-1 does not include are ReadSizes[i]. The last element, 13, has all larger reads.
type ReadSizes [14]uint64

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
				Addr: c.LocalAddr(), Stats: ServerStats{KernelDropped: c.KernelDropped()},
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
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addLockedTo(&stats.Stats)
	stats.RequestBytes, stats.ResponseBytes = c.requestBytes, c.responseBytes
	stats.ReadSizes, stats.HandlerTimes = c.reads, c.handlerTimes
}
