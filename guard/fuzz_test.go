package guard_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/ohce/ohce/guard"
)

// The limits of the guards that FuzzGuards checks.
const (
	fuzzRate    = 100.0
	fuzzBurst   = 10.0
	fuzzCredit  = 100
	fuzzRestore = time.Second
	fuzzCeiling = 300.0
)

// fuzzSources are the source addresses of FuzzGuards.
var fuzzSources = []netip.Addr{
	netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"),
	netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("::ffff:198.51.100.7"),
	netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"),
	netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("fe80::1%eth0"), {},
	netip.MustParseAddr("203.0.113.9"), // denied
}

// A fuzzStep is one request of FuzzGuards. Four bytes describe it.
type fuzzStep [4]byte

// pause returns the time since the last request, from 0 to about 85 hours.
func (s fuzzStep) pause() time.Duration {
	scale := []time.Duration{time.Microsecond, time.Millisecond, 50 * time.Millisecond, 20 * time.Minute}
	return time.Duration(s[0]) * scale[s[1]>>6]
}

func (s fuzzStep) source() netip.AddrPort {
	port := uint16(40_000) + uint16(s[1]>>4&1)
	if s[1]>>5&1 == 1 {
		port = 53
	}
	return netip.AddrPortFrom(fuzzSources[int(s[1]&15)%len(fuzzSources)], port)
}

func (s fuzzStep) request() []byte { return bytes.Repeat([]byte{s[2]}, int(s[2]>>3)) }

// response returns a response of up to three times the length of the request.
func (s fuzzStep) response() []byte {
	return bytes.Repeat([]byte{s[3]}, len(s.request())*int(s[3]&3))
}

// FuzzGuards passes requests to all guards together, and checks their promises: which sources are
// denied, that neither one source nor all together exceed their rates, that a pause ends each limit,
// and that responses exceed requests by no more than the credit. A DryRun drops nothing.
func FuzzGuards(f *testing.F) {
	f.Add([]byte("\x01\x50\x28\x02\x00\x91\x00\x00\xff\xc0\x28\x03\x00\x09\x10\x01"))
	f.Fuzz(func(t *testing.T, text []byte) {
		prefixes := new(guard.Prefixes)
		prefixes.Set(nil, guard.NewPrefixSet(netip.MustParsePrefix("203.0.113.0/24")))
		all := guard.Guards{
			prefixes, guard.Loops{}, &guard.RateLimit{Rate: fuzzRate, Burst: fuzzBurst, Entries: 64},
			&guard.Amplification{Credit: fuzzCredit, Restore: fuzzRestore},
			&guard.Ceiling{Rate: fuzzCeiling},
		}
		dry := &guard.DryRun{Guard: guard.Guards{
			&guard.RateLimit{Rate: 1, Entries: 64}, guard.Loops{Rounds: 1, Streak: -1},
		}}
		check := newGuardCheck(all.NewRule(nil).(guard.ResponseRule))
		dryRule := dry.NewRule(nil).(guard.ResponseRule)
		for i := 0; i+4 <= min(len(text), 4000); i += 4 {
			step := fuzzStep(text[i : i+4])
			check.step(t, step)
			d := &guard.Datagram{Source: step.source(), Payload: step.request()}
			if dryRule.Admit(check.now, d) != guard.Admitted ||
				dryRule.AdmitResponse(check.now, d, step.response()) != guard.Admitted {
				t.Fatalf("a dry run drops %v", step)
			}
		}
	})
}

// A guardCheck counts what a rule admits.
type guardCheck struct {
	rule       guard.ResponseRule
	begun, now time.Time
	admitted   int
	by         map[netip.Addr]int   // admitted requests by address
	excess     map[netip.Prefix]int // bytes of responses beyond requests, by prefix
}

func newGuardCheck(rule guard.ResponseRule) *guardCheck {
	begun := time.Unix(1e9, 0)
	return &guardCheck{rule, begun, begun, 0, make(map[netip.Addr]int), make(map[netip.Prefix]int)}
}

// step passes one request to the rule and checks the verdict.
func (c *guardCheck) step(t *testing.T, s fuzzStep) {
	t.Helper()
	c.now = c.now.Add(s.pause())
	d := &guard.Datagram{Source: s.source(), Payload: s.request()}
	addr, v := d.Source.Addr().Unmap(), c.rule.Admit(c.now, d)
	want := guard.Admitted
	switch {
	case netip.MustParsePrefix("203.0.113.0/24").Contains(addr):
		want = guard.DropDenied
	case d.Source.Port() < 1024:
		want = guard.DropLoop
	}
	// After a pause nothing is limited. Loads that are weeks old can seem new for a few seconds.
	limited := s.pause() < 10*time.Second || c.now.Sub(c.begun) > 13*24*time.Hour
	if v != want && (want != guard.Admitted || v != guard.DropRate || !limited) {
		t.Fatalf("%v is %v after %v, want %v", d.Source, v, s.pause(), want)
	}
	if v != guard.Admitted {
		return
	}
	c.admitted++
	c.by[addr]++
	response := s.response()
	if c.rule.AdmitResponse(c.now, d, response) == guard.Admitted && len(response) > len(d.Payload) {
		if p, err := addr.WithZone("").Prefix(map[bool]int{true: 24, false: 56}[addr.Is4()]); err == nil {
			c.excess[p] += len(response) - len(d.Payload)
		}
	}
	c.limits(t, addr)
}

// limits checks the sums for an address.
func (c *guardCheck) limits(t *testing.T, addr netip.Addr) {
	t.Helper()
	seconds := c.now.Sub(c.begun).Seconds()
	if most := fuzzCeiling/10 + fuzzCeiling*seconds + 1; float64(c.admitted) > most {
		t.Fatalf("%d requests admitted in %v s, want at most %.0f", c.admitted, seconds, most)
	}
	if addr.IsLoopback() || addr.IsLinkLocalUnicast() {
		return
	}
	if most := fuzzBurst + fuzzRate*seconds + 1; float64(c.by[addr]) > most*1.01 {
		t.Fatalf("%d requests of %v admitted in %v s, want at most %.0f", c.by[addr], addr, seconds, most)
	}
	for p, excess := range c.excess {
		most := fuzzCredit * (1 + c.now.Sub(c.begun).Seconds()/fuzzRestore.Seconds())
		if p.Addr().IsLoopback() || p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if float64(excess) > most*1.01 {
			t.Fatalf("responses to %v exceed requests by %d bytes in %v s, want at most %.0f", p, excess,
				seconds, most)
		}
	}
}
