package guard

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultRate is the number of responses a second to one address if RateLimit.Rate is not set.
	DefaultRate = 1000
	// DefaultBurst is the number of responses to one address without a pause if neither
	// RateLimit.Burst nor RateLimit.Rate is set.
	DefaultBurst = 2000

	defaultEntries = 1 << 17 // 1 MiB

	// reportInterval is the time between two calls of RateLimit.OnLimit.
	reportInterval = 30 * time.Second
)

// A PrefixLimit limits the prefixes of one length.
type PrefixLimit struct {
	// Bits is the length of the prefix, from 0 to 32 for IPv4 or to 128 for IPv6.
	Bits int
	// Multiplier multiplies Rate and Burst to give the limit of a prefix. It must be at least 1.
	Multiplier float64
}

// The default limits of prefixes are those of Knot DNS 3.4: all responses to the 16,384 addresses
// of a /18, for example, are limited to 768 times the limit of one.
var (
	defaultPrefixes4 = []PrefixLimit{{32, 1}, {24, 32}, {20, 256}, {18, 768}}
	defaultPrefixes6 = []PrefixLimit{{128, 1}, {64, 2}, {56, 3}, {48, 4}, {32, 64}}
)

// A RateLimit is a Guard that limits the responses to each source address and to the prefixes that
// contain it. It protects the owners of forged source addresses and the server's own capacity. Its
// rules drop requests as DropRate.
//
// A request counts for its address and for each prefix length. A request that is dropped does not
// count, so a source that sends too much still gets responses at Rate. The count of each prefix
// decays exponentially, by the factor e in the time Burst/Rate.
//
// A RateLimit holds a fixed number of counts, shared by all shards of the server, in a table that
// is indexed by a hash with a random key. If the table is full, a new prefix takes over a small
// count and adds to it. A count is thus never too low. With more busy prefixes than entries, other
// sources can be limited too.
//
// The fields must not change after the first call of NewRule. A RateLimit must not be copied.
type RateLimit struct {
	// Rate is the sustained number of responses a second to one address. If zero or negative, it is
	// DefaultRate.
	Rate float64

	// Burst is how many responses in a row an idle address can get. If zero or negative, it is
	// DefaultBurst, or Rate if Rate is set.
	Burst float64

	// If Slip is n, the server still answers every n-th request over the limit, if the
	// response is not longer than the request: a client whose address others forge then still gets
	// some responses. 1 answers all of them. If zero or negative, all are dropped.
	Slip int

	// Prefixes4 and Prefixes6 are the prefix lengths that are limited, at most 8 each. If nil, they
	// are /32, /24, /20 and /18, and /128, /64, /56, /48 and /32.
	Prefixes4, Prefixes6 []PrefixLimit

	// Local also limits loopback, private, unique-local and link-local sources.
	Local bool

	// Entries is the number of counts, rounded up to a power of two; 8 bytes each. If zero or
	// negative, it is 131,072.
	Entries int

	// OnLimit, if not nil, is called for a dropped request with the prefix that is limited, at most
	// once in 30 s. It must not block. Several goroutines may call it.
	OnLimit func(netip.Prefix)

	once     sync.Once
	table    *loadTable
	prefixes [2][]prefixLimit // IPv4, IPv6
	clock    sharedClock
	reported atomic.Int64  // ns of clock
	over     atomic.Uint64 // requests over the limit, counted for Slip
}

const maxPrefixes = 8

// A prefixLimit is a PrefixLimit in the units of the table.
type prefixLimit struct {
	bits int
	most load // before a request that is admitted
}

// NewRule returns a rule that shares its counts with the other rules of l.
func (l *RateLimit) NewRule([]netip.AddrPort) Rule {
	l.once.Do(l.init)
	return &rateRule{limit: l}
}

func (l *RateLimit) init() {
	rate, burst := l.Rate, l.Burst
	if burst <= 0 {
		burst = max(rate, 0)
	}
	if rate <= 0 {
		rate = DefaultRate
	}
	if burst <= 0 {
		burst = DefaultBurst
	}
	entries := l.Entries
	if entries <= 0 {
		entries = defaultEntries
	}
	l.table = newLoadTable(entries, time.Duration(burst/rate*float64(time.Second)))
	for i, given := range [2][]PrefixLimit{l.Prefixes4, l.Prefixes6} {
		if given == nil {
			given = [2][]PrefixLimit{defaultPrefixes4, defaultPrefixes6}[i]
		}
		for _, p := range given[:min(len(given), maxPrefixes)] {
			// A request adds 1. On average the load is then half way between before and after.
			most := loadOf(max(burst*max(p.Multiplier, 1)-0.5, 0.5))
			l.prefixes[i] = append(l.prefixes[i], prefixLimit{p.Bits, most})
		}
	}
}

// A rateRule is the rule of a RateLimit for one shard.
type rateRule struct {
	limit   *RateLimit
	addr    netip.Addr          // the latest source
	hashes  [maxPrefixes]uint64 // of its prefixes
	slipped *Datagram           // answered all the same; nil if the latest request was admitted
}

// Admit counts d if it is admitted.
func (r *rateRule) Admit(now time.Time, d *Datagram) Verdict {
	l, addr := r.limit, d.Source.Addr()
	r.slipped = nil
	if !l.Local && isLocal(addr) {
		return Admitted
	}
	if addr != r.addr {
		r.setAddr(addr)
	}
	prefixes := l.prefixesOf(addr)
	at := l.table.moment(l.clock.since(now))
	var slots [maxPrefixes]slot
	for i := range prefixes {
		slots[i] = l.table.find(at, r.hashes[i])
		if slots[i].load > prefixes[i].most {
			return r.drop(now, d, prefixes[i].bits)
		}
	}
	for i := range prefixes {
		l.table.add(at, r.hashes[i], slots[i], 1)
	}
	return Admitted
}

// AdmitResponse drops a long response to a request that was over the limit.
func (r *rateRule) AdmitResponse(_ time.Time, d *Datagram, response []byte) Verdict {
	if r.slipped == d && len(response) > len(d.Payload) {
		return DropRate
	}
	return Admitted
}

// drop decides on a request over the limit.
func (r *rateRule) drop(now time.Time, d *Datagram, bits int) Verdict {
	l := r.limit
	l.report(now, d.Source.Addr(), bits)
	if l.Slip > 0 && l.over.Add(1)%uint64(l.Slip) == 0 {
		r.slipped = d
		return Admitted
	}
	return DropRate
}

// setAddr computes the hashes of the prefixes of addr.
func (r *rateRule) setAddr(addr netip.Addr) {
	r.addr = addr
	for i, p := range r.limit.prefixesOf(addr) {
		r.hashes[i] = hashPrefix(r.limit.table, addr, p.bits)
	}
}

// hashPrefix returns the hash of the first bits of addr and of their number.
func hashPrefix(t *loadTable, addr netip.Addr, bits int) uint64 {
	var b [18]byte
	a := addr.As16()
	if addr.Is4() || addr.Is4In6() {
		b[17] = 4
		bits += 96
	}
	b[16] = byte(bits)
	n := bits / 8
	copy(b[:n], a[:n])
	if bits%8 > 0 {
		b[n] = a[n] &^ (0xff >> (bits % 8))
	}
	return t.hash(b[:])
}

func (l *RateLimit) prefixesOf(addr netip.Addr) []prefixLimit {
	if addr.Is4() || addr.Is4In6() {
		return l.prefixes[0]
	}
	return l.prefixes[1]
}

// report calls OnLimit, unless it was called within reportInterval.
func (l *RateLimit) report(now time.Time, addr netip.Addr, bits int) {
	if l.OnLimit == nil {
		return
	}
	at, before := int64(l.clock.since(now)), l.reported.Load()
	if before != 0 && at-before < int64(reportInterval) || !l.reported.CompareAndSwap(before, max(at, 1)) {
		return
	}
	if prefix, err := addr.Unmap().WithZone("").Prefix(bits); err == nil {
		l.OnLimit(prefix)
	}
}

// isLocal reports whether addr is a loopback, private, unique-local or link-local address.
func isLocal(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
}
