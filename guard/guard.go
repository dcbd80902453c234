// Package guard decides which datagrams a server answers. It decides by addresses, bytes and times,
// and does no I/O.
//
// A server creates one [Rule] per shard from its [Guard] and calls [Rule.Admit] for each datagram
// before the handler. A datagram that is not admitted gets no response, and the server counts it by
// its [Verdict].
//
// # Loops
//
// If the response of a server is itself a valid request, one datagram with a forged source makes
// the server exchange datagrams with itself or with another server without end (CVE-2024-2169).
// [Loops], the default guard, prevents this. It drops datagrams from ports that belong to servers,
// and it ends the remaining loops by not answering a request that repeats too often.
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
// [Guards] applies several guards in order. [RuleFunc] makes a guard of a function. [DryRun] counts the
// datagrams that a guard would drop, and admits them.
//
// # Concurrency
//
// A Guard is shared by all shards. A Rule is used by one goroutine at a time, unless NewRule
// returns the same Rule for several shards. Rules of different shards that share state must
// synchronize access to it.
package guard

import (
	"net/netip"
	"time"
)

// A Datagram is a request received by a server. A Rule must not modify or retain it.
type Datagram struct {
	// Source is the source address of the datagram. It can be forged.
	Source netip.AddrPort
	// Destination is the address that the datagram was sent to. Its IP address is unspecified if the
	// system does not report it.
	Destination netip.AddrPort
	// Payload is the content of the datagram, from 0 to 65,535 bytes. It is valid until Admit
	// returns.
	Payload []byte
}

// A Verdict is the decision on a datagram: that it is admitted, or why it is dropped.
type Verdict uint8

const (
	// Admitted means that the handler receives the datagram.
	Admitted Verdict = iota
	// DropLoop means that the datagram may be part of a loop between servers.
	DropLoop
	// DropRate means that a limit of the rate or of the amplification is exceeded: the source sends
	// more than the rule allows.
	DropRate
	// DropDenied means that the source, the destination or the payload is not allowed.
	DropDenied
)

// String returns the name of the verdict in lower case.
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

// A Rule decides on the datagrams of one shard. The server calls Admit from one goroutine at a
// time, with times that never decrease. Admit is called for every datagram, so it should not block
// or allocate.
type Rule interface {
	Admit(now time.Time, d *Datagram) Verdict
}

// A BatchRule is a Rule that can admit several datagrams with one call, without reading each
// payload.
type BatchRule interface {
	Rule
	// AdmitBatch decides on n datagrams that have the source, destination and length of d. Only the
	// last of them can be shorter. If it admits all of them, it counts them and returns true.
	// Otherwise it has no effect and returns false, and the server calls Admit for each datagram.
	AdmitBatch(now time.Time, d *Datagram, n int) bool
}

// A ResponseRule is a Rule that also decides on responses, after the handler has made them.
type ResponseRule interface {
	Rule
	// AdmitResponse decides whether the server sends response to the source of d, which was
	// admitted. A response that is not admitted is dropped with its request. For a deferred
	// response, now can be earlier than in the previous call, by up to the duration of a batch.
	AdmitResponse(now time.Time, d *Datagram, response []byte) Verdict
}

// A Guard creates the rules of a server. Its methods must be safe for concurrent use.
type Guard interface {
	// NewRule returns the rule for one shard of a server that listens on addrs.
	NewRule(addrs []netip.AddrPort) Rule
}

// A RuleFunc is a function that implements Rule. As a Guard, it is its own Rule for every shard.
// The function must be safe for concurrent use.
type RuleFunc func(now time.Time, d *Datagram) Verdict

// Admit calls f.
func (f RuleFunc) Admit(now time.Time, d *Datagram) Verdict { return f(now, d) }

// NewRule returns f.
func (f RuleFunc) NewRule([]netip.AddrPort) Rule { return f }

// Guards applies guards in order. The first verdict other than Admitted is the result, and later
// rules are not called. An empty Guards admits all datagrams.
type Guards []Guard

// NewRule returns a rule that applies the rules of all guards.
func (g Guards) NewRule(addrs []netip.AddrPort) Rule {
	all := make(rules, len(g))
	for i := range g {
		all[i] = g[i].NewRule(addrs)
	}
	return all
}

// rules applies several rules in order.
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
