package guard

import (
	"net/netip"
	"time"
)

// Loops is a Guard that ends loops between servers. A server without a Guard uses its zero value.
// Its rules drop datagrams as DropLoop.
//
// In a loop, the same datagrams circulate. Leaving a datagram unanswered ends its loop. A client is
// not harmed, because it sends its request again. Loops therefore leaves a few datagrams
// unanswered:
//
//   - all datagrams from a port of RefusePorts;
//   - one in a series of rounds with the same texts; see Rounds;
//   - one in a long streak from one address; see Streak.
type Loops struct {
	// RefusePorts are the source ports that get no response because they belong to servers. If nil,
	// they are ServicePorts and the ports that the server listens on. The set is not copied and
	// must not change while the server runs.
	RefusePorts *PortSet

	// Rounds is the length of the first series of rounds. A round is a request that repeats an
	// earlier one: it comes from the same address and port within 100 ms of the previous round, and
	// it and its response have the same two texts, in either order. The last round of a series goes
	// unanswered. After a pause of 100 ms, the next series is twice as long. Without a pause, it is
	// longer by Rounds. It never exceeds 1,048,576 rounds.
	//
	// A client that sends one text n times, each as soon as the previous one is answered, loses at
	// most 1 + log2(n/Rounds) requests. A client whose texts differ, or that waits 100 ms between
	// them, loses none. If zero, Rounds is DefaultRounds; negative means that rounds do not count.
	Rounds int

	// Streak is the number of datagrams from one address, whatever their texts, of which one goes
	// unanswered. The count falls by half with each 100 ms of silence. If zero, it is
	// DefaultStreak; negative means that streaks do not count.
	Streak int
}

// NewRule returns the rule for one shard of a server that listens on addrs.
func (l Loops) NewRule(addrs []netip.AddrPort) Rule {
	r := &loopRule{ports: l.RefusePorts}
	if r.ports == nil {
		r.ports = ServicePorts()
		for _, a := range addrs {
			r.ports.Add(a.Port())
		}
	}
	if n := orDefault(l.Rounds, DefaultRounds); n > 0 {
		r.rounds = newRounds(n)
	}
	if n := orDefault(l.Streak, DefaultStreak); n > 0 {
		r.streaks = newStreaks(n)
	}
	return r
}

// orDefault returns n, or def if n is 0.
func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}

// A loopRule is the rule of a Loops for one shard.
type loopRule struct {
	ports   *PortSet
	streaks *streaks // nil: none
	rounds  *rounds  // nil: none
	clock   clock
}

func (r *loopRule) Admit(now time.Time, d *Datagram) Verdict {
	if r.ports.Contains(d.Source.Port()) {
		return DropLoop
	}
	if r.streaks != nil && r.streaks.full(r.clock.at(now), d.Source.Addr()) {
		return DropLoop
	}
	return Admitted
}

func (r *loopRule) AdmitBatch(now time.Time, d *Datagram, n int) bool {
	return !r.ports.Contains(d.Source.Port()) &&
		(r.streaks == nil || r.streaks.below(r.clock.at(now), d.Source.Addr(), n))
}

func (r *loopRule) AdmitResponse(now time.Time, d *Datagram, response []byte) Verdict {
	if r.rounds != nil && r.rounds.repeats(r.clock.at(now), d.Source, d.Payload, response) {
		return DropLoop
	}
	return Admitted
}
