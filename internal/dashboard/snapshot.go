package dashboard

import (
	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link/relay"
)

// MaxLinks is the maximum number of links on the page.
const MaxLinks = 24

// ServerFlow is the name of the flow of a server.
const ServerFlow = "server"

// A Snapshot holds the counters of a server or of links at one moment. All counters begin at the
// start of the process and never decrease.
type Snapshot struct {
	// Flows are the server, or both directions of each link.
	Flows []Flow
	// HandlerTimes are the durations of the handler of a server. For links it is nil.
	HandlerTimes *ohce.DurationHistogram
	// Links describe the links, and MoreLinks is the number of links that are missing in it.
	Links     []Link
	MoreLinks int
}

// A Flow counts the datagrams of a server, or of one direction of a link.
type Flow struct {
	// Name is unique in a snapshot: ServerFlow, or the name of a link with " up" or " down".
	Name string
	// Received counts the datagrams that were read, and Sent the datagrams that the kernel accepted:
	// for a server, requests and responses.
	Received, Sent uint64
	// ReceivedBytes and SentBytes count their bytes. They are 0 for a link.
	ReceivedBytes, SentBytes uint64
	// Dropped counts the datagrams that were read and not answered or not relayed, by reason. Changed
	// counts the datagrams that a link changed.
	Dropped, Changed []Counter
	// KernelDropped counts the datagrams that the kernel dropped before they were read.
	KernelDropped uint64
	// Waiting is the number of datagrams that are in flight or delayed now.
	Waiting uint64
}

// A Counter is a counter with a name.
type Counter struct {
	Name  string
	Total uint64
}

// A Link describes a link, with its counters.
type Link struct {
	Name, Listen, To string
	// Up and Down are the impairments as text.
	Up, Down string
	// Error is the reason why the link no longer relays datagrams, or "".
	Error string
	Stats relay.Stats
}

// OfServer returns the snapshot of a server with these shards.
func OfServer(shards []ohce.ShardStats) *Snapshot {
	s := &Snapshot{HandlerTimes: &ohce.DurationHistogram{}}
	var dropped ohce.Drops
	flow := Flow{Name: ServerFlow}
	for i := range shards {
		shard := &shards[i]
		flow.Received += shard.Stats.Received
		flow.Sent += shard.Stats.Answered
		flow.ReceivedBytes += shard.RequestBytes
		flow.SentBytes += shard.ResponseBytes
		flow.KernelDropped += shard.Stats.KernelDropped
		flow.Waiting += shard.Stats.InFlight
		for reason, n := range shard.Stats.Dropped {
			dropped[reason] += n
		}
		s.HandlerTimes.Add(&shard.HandlerTimes)
	}
	for reason, n := range dropped.All() {
		flow.Dropped = append(flow.Dropped, Counter{reason.String(), n})
	}
	s.Flows = []Flow{flow}
	return s
}

// OfLinks returns the snapshot of links, which should be at most MaxLinks. more is the number of
// links that are missing.
func OfLinks(links []Link, more int) *Snapshot {
	s := &Snapshot{Links: links, MoreLinks: more}
	for i := range s.Links {
		l := &s.Links[i]
		up, down := ofDirection(l.Name+" up", &l.Stats.Up), ofDirection(l.Name+" down", &l.Stats.Down)
		up.Dropped = append(up.Dropped, Counter{"no mapping", l.Stats.NoMapping},
			Counter{"address limit", l.Stats.AddressLimit}, Counter{"port limit", l.Stats.PortLimit},
			Counter{"loop", l.Stats.Loop})
		s.Flows = append(s.Flows, up, down)
	}
	return s
}

func ofDirection(name string, d *relay.DirectionStats) Flow {
	return Flow{
		Name: name, Received: d.Received, Sent: d.Sent, Waiting: d.Delayed,
		KernelDropped: d.KernelDropped,
		Dropped: []Counter{
			{"lost", d.Lost}, {"black holed", d.BlackHoled}, {"too long", d.TooLong},
			{"overflow", d.Overflow}, {"oversize", d.Oversize}, {"buffer full", d.BufferFull},
			{"unmapped", d.Unmapped}, {"unsent", d.Unsent},
		},
		Changed: []Counter{
			{"duplicated", d.Duplicated}, {"reordered", d.Reordered}, {"corrupted", d.Corrupted},
			{"truncated", d.Truncated}, {"rebound", d.Rebound},
		},
	}
}
