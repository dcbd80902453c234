package guard

import (
	"net/netip"
	"sync"
	"time"
)

// DefaultCredit is the value of Amplification.Credit if that field is zero, in bytes.
const DefaultCredit = 1024

// An Amplification is a Guard that keeps a server from sending more than it receives. A request with
// a forged source makes the server send its response to the owner of that address, so a response
// that is longer than its request multiplies the traffic of an attacker (RFC 8085, section 3.1). Its
// rules drop responses as DropRate.
//
// For each prefix, the rules sum the excess of response bytes over request bytes. They drop a
// response that would raise the sum above Credit. Used credit is restored exponentially, by the
// factor e in the time Restore. Responses that are not longer than their requests are not limited.
//
// The memory is fixed and shared by all shards; see [RateLimit]. The fields must not change after
// the first call of NewRule. An Amplification must not be copied.
type Amplification struct {
	// Credit is how many more bytes the server may send to a prefix than it has received from it,
	// before Restore applies. If zero, it is DefaultCredit; negative means none.
	Credit int

	// Restore is the time constant with which used credit is restored. If zero or negative, it is
	// 10 s, which restores at most a tenth of Credit in a second.
	Restore time.Duration

	// Bits4 and Bits6 are the lengths of the prefixes. If zero, they are 24 and 56.
	Bits4, Bits6 int

	// Local also limits loopback, private, unique-local and link-local sources.
	Local bool

	once  sync.Once
	table *loadTable
	clock sharedClock
}

// NewRule returns a rule that shares its counts with the other rules of a.
func (a *Amplification) NewRule([]netip.AddrPort) Rule {
	a.once.Do(func() {
		restore := a.Restore
		if restore <= 0 {
			restore = 10 * time.Second
		}
		a.table = newLoadTable(defaultEntries, restore)
	})
	return amplificationRule{a}
}

// An amplificationRule is the rule of an Amplification. It has no state of its own.
type amplificationRule struct{ *Amplification }

// Admit admits every request.
func (amplificationRule) Admit(time.Time, *Datagram) Verdict { return Admitted }

// AdmitBatch admits every request.
func (amplificationRule) AdmitBatch(time.Time, *Datagram, int) bool { return true }

// AdmitResponse drops a response that is longer than its request by more than the rest of the credit.
func (a amplificationRule) AdmitResponse(now time.Time, d *Datagram, response []byte) Verdict {
	excess := len(response) - len(d.Payload)
	addr := d.Source.Addr()
	if excess <= 0 || !a.Local && isLocal(addr) {
		return Admitted
	}
	credit := orDefault(a.Credit, DefaultCredit)
	bits := orDefault(a.Bits6, 56)
	if addr.Is4() || addr.Is4In6() {
		bits = orDefault(a.Bits4, 24)
	}
	at := a.table.moment(a.clock.since(now))
	hash := hashPrefix(a.table, addr, bits)
	s := a.table.find(at, hash)
	if credit <= 0 || s.load.plus(float64(excess)) > loadOf(float64(credit)) {
		return DropRate
	}
	a.table.add(at, hash, s, float64(excess))
	return Admitted
}
