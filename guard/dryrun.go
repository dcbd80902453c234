package guard

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// A DryRun is a Guard that admits everything and counts what another guard would drop. It must not
// be copied.
type DryRun struct {
	// Guard decides what would be dropped.
	Guard Guard

	counts [DropDenied + 1]atomic.Uint64
}

// Count returns the number of datagrams that Guard gave the verdict v.
func (d *DryRun) Count(v Verdict) uint64 {
	if v > DropDenied {
		v = DropDenied
	}
	return d.counts[v].Load()
}

// NewRule returns a rule that asks the rule of Guard.
func (d *DryRun) NewRule(addrs []netip.AddrPort) Rule {
	r := &dryRule{run: d, rule: d.Guard.NewRule(addrs)}
	r.responses, _ = r.rule.(ResponseRule)
	return r
}

// A dryRule is the rule of a DryRun for one shard.
type dryRule struct {
	run       *DryRun
	rule      Rule
	responses ResponseRule // rule, if it is one; else nil
	dropped   *Datagram    // the latest datagram, if its request would be dropped; else nil
}

func (r *dryRule) Admit(now time.Time, d *Datagram) Verdict {
	r.dropped = nil
	v := r.rule.Admit(now, d)
	if v != Admitted {
		r.dropped = d
	}
	if v != Admitted || r.responses == nil {
		r.count(v)
	}
	return Admitted
}

func (r *dryRule) AdmitResponse(now time.Time, d *Datagram, response []byte) Verdict {
	if r.responses != nil && r.dropped != d {
		r.count(r.responses.AdmitResponse(now, d, response))
	}
	return Admitted
}

func (r *dryRule) count(v Verdict) { r.run.counts[min(v, DropDenied)].Add(1) }
