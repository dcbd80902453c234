package guard

import (
	"net/netip"
	"time"
)

// Loops is a Guard that prevents loops between servers. Its zero value is the guard of a server
// without a Guard. Its rules drop datagrams as DropLoop.
type Loops struct {
	// RefusePorts are the source ports that get no response, because they belong to servers. If
	// nil, they are ServicePorts and the ports that the server listens on. If not nil, no ports are
	// added. The set must not be changed while the server runs.
	RefusePorts *PortSet

	// RepeatLimit ends loops that RefusePorts does not prevent. Each time this number of
	// consecutive datagrams with the same source and length has arrived, the last one is dropped.
	// This ends a loop, but costs a client only a retransmission. If zero, it is
	// DefaultRepeatLimit. If negative, there is no limit.
	RepeatLimit int
}

// NewRule returns the rule for one shard of a server that listens on addrs.
func (l Loops) NewRule(addrs []netip.AddrPort) Rule {
	ports := l.RefusePorts
	if ports == nil {
		ports = ServicePorts()
		for _, a := range addrs {
			ports.Add(a.Port())
		}
	}
	return &loopRule{ports: ports, repeats: NewRepeats(l.RepeatLimit)}
}

// A loopRule applies a PortSet and then a Repeats.
type loopRule struct {
	ports   *PortSet
	repeats *Repeats
}

func (r *loopRule) Admit(now time.Time, d *Datagram) Verdict {
	if r.ports.Contains(d.Source.Port()) {
		return DropLoop
	}
	return r.repeats.Admit(now, d)
}

func (r *loopRule) AdmitBatch(now time.Time, d *Datagram, n int) bool {
	return !r.ports.Contains(d.Source.Port()) && r.repeats.AdmitBatch(now, d, n)
}
