// Package guard decides which datagrams a server answers. It knows addresses, bytes and times, but
// no sockets.
//
// A server asks its [Guard] for one [Rule] per shard and calls [Rule.Admit] for each datagram before
// the handler sees it. A datagram that is not admitted gets no response, and the server counts it
// under the [Verdict].
//
// # Loops
//
// If the response of a server is itself a valid request, one datagram with a forged source makes the
// server exchange datagrams with itself or with another server without end (CVE-2024-2169). [Loops],
// the guard of a server that has no other, prevents this. It drops datagrams from ports that belong
// to servers, and it ends the remaining loops by leaving a repeated round unanswered.
//
// # Limits
//
// [RateLimit] limits the responses to each address and to the prefixes that contain it,
// [Amplification] keeps responses from exceeding requests, [Ceiling] limits all requests together,
// and [Prefixes] admits or denies sources. Their state is shared by all shards, has a fixed size, and
// needs no lock. They allocate nothing for a datagram.
//
// # Composition
//
// [Guards] applies several guards in order. A function is a guard as [RuleFunc]. [DryRun] counts what
// a guard would drop and admits it.
//
// # Concurrency
//
// A Guard is shared by all shards. A Rule belongs to one shard, so it can count without locks. Rules
// of different shards that share state must synchronize themselves.
package guard

import (
	"net/netip"
	"time"
)

// A Datagram is a request that a server has received. A Rule must not change or keep it.
type Datagram struct {
	// Source is the sender's address as the datagram states it. It can be forged.
	Source netip.AddrPort
	// Destination is the address that the datagram was sent to. Its IP address is unspecified if the
	// system does not report it.
	Destination netip.AddrPort
	// Payload is the content, from 0 to 65,535 bytes. It is valid until Admit returns.
	Payload []byte
}

// A Verdict says whether a datagram is admitted, and why it is not.
type Verdict uint8

const (
	// Admitted means that the handler receives the datagram.
	Admitted Verdict = iota
	// DropLoop means that the source is a server, not a client.
	DropLoop
	// DropRate means that the source sends more than it may.
	DropRate
	// DropDenied means that the source, the destination or the payload is not allowed.
	DropDenied
)

// String returns the verdict's name in lower case.
func (v Verdict) String() string {
	switch v {
	case Admitted:
		return "admitted"
	case DropLoop:
		return "loop"
	case DropRate:
		return "rate"
	case DropDenied:
		return "denied"
	default:
		return "unknown"
	}
}

// A Rule decides on the datagrams of one shard. Admit is called by one goroutine at a time, with
// times that never decrease. It runs for every datagram, so it should not block or allocate.
type Rule interface {
	Admit(now time.Time, d *Datagram) Verdict
}

// A BatchRule is a Rule that can admit many datagrams with one call, without looking at each payload.
type BatchRule interface {
	Rule
	// AdmitBatch admits and counts n datagrams that have the source, destination and length of d, or
	// does nothing and returns false. The last of them can be shorter than d. If it returns false,
	// the server calls Admit for each.
	AdmitBatch(now time.Time, d *Datagram, n int) bool
}

// A ResponseRule is a Rule that also decides on responses, after the handler has made them.
type ResponseRule interface {
	Rule
	// AdmitResponse decides whether the server sends response to the source of d, which was
	// admitted. A response that is not admitted is dropped with its request. A response that the
	// handler deferred arrives later than those to the requests after it; now can then be up to the
	// duration of a batch earlier than in the call before.
	AdmitResponse(now time.Time, d *Datagram, response []byte) Verdict
}

// A Guard makes the rules of a server. Its methods may be called by several goroutines.
type Guard interface {
	// NewRule returns the rule for one shard of a server that listens on addrs.
	NewRule(addrs []netip.AddrPort) Rule
}

// A RuleFunc is a rule without state, and a Guard that gives this rule to all shards. It must be
// safe for concurrent use.
type RuleFunc func(now time.Time, d *Datagram) Verdict

// Admit calls f.
func (f RuleFunc) Admit(now time.Time, d *Datagram) Verdict { return f(now, d) }

// NewRule returns f.
func (f RuleFunc) NewRule([]netip.AddrPort) Rule { return f }

// Guards applies guards in order. The first verdict other than Admitted counts, and the rules after
// it do not see the datagram. An empty Guards admits everything.
type Guards []Guard

// NewRule returns the rules of all guards as one.
func (g Guards) NewRule(addrs []netip.AddrPort) Rule {
	all := make(rules, len(g))
	for i := range g {
		all[i] = g[i].NewRule(addrs)
	}
	return all
}

// rules are applied in order.
type rules []Rule

func (rs rules) Admit(now time.Time, d *Datagram) Verdict {
	for _, r := range rs {
		if v := r.Admit(now, d); v != Admitted {
			return v
		}
	}
	return Admitted
}

func (rs rules) AdmitResponse(now time.Time, d *Datagram, response []byte) Verdict {
	for _, r := range rs {
		if r, ok := r.(ResponseRule); ok {
			if v := r.AdmitResponse(now, d, response); v != Admitted {
				return v
			}
		}
	}
	return Admitted
}
