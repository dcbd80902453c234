package guard_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/ohce/ohce/guard"
	"github.com/ohce/ohce/internal/testsize"
)

// A flood passes requests to a rule and counts those that it admits.
type flood struct {
	rule     guard.Rule
	now      time.Time
	admitted int
}

func newFlood(g guard.Guard) *flood { return &flood{rule: g.NewRule(nil), now: time.Unix(1, 0)} }

func (f *flood) ask(addr netip.Addr) bool {
	d := &guard.Datagram{Source: netip.AddrPortFrom(addr, 40_000), Payload: []byte("Hello")}
	if f.rule.Admit(f.now, d) != guard.Admitted {
		return false
	}
	f.admitted++
	return true
}

// run asks n times, at equal distances within d.
func (f *flood) run(n int, d time.Duration, addr func(i int) netip.Addr) (admitted int) {
	start := f.now
	for i := range n {
		f.now = start.Add(d * time.Duration(i) / time.Duration(n))
		if f.ask(addr(i)) {
			admitted++
		}
	}
	f.now = start.Add(d)
	return admitted
}

func constant(addr string) func(int) netip.Addr {
	a := netip.MustParseAddr(addr)
	return func(int) netip.Addr { return a }
}

// within returns a function that returns random addresses of a prefix.
func within(prefix string) func(int) netip.Addr {
	p := netip.MustParsePrefix(prefix)
	random := rand.New(rand.NewPCG(7, 7))
	return func(int) netip.Addr {
		b := p.Addr().AsSlice()
		for bit := p.Bits(); bit < len(b)*8; bit++ {
			b[bit/8] |= byte(random.IntN(2)) << (7 - bit%8)
		}
		a, _ := netip.AddrFromSlice(b)
		return a
	}
}

// TestRateLimitKeepsItsRate: after its burst a source, and each prefix, gets the sustained rate.
func TestRateLimitKeepsItsRate(t *testing.T) {
	limit := func() *guard.RateLimit { return &guard.RateLimit{Rate: 100, Burst: 50} }
	for _, tt := range []struct {
		name  string
		limit *guard.RateLimit
		addr  func(int) netip.Addr
		ratio float64 // of Rate and Burst
	}{
		{"address", limit(), constant("198.51.100.7"), 1},
		{"mapped-address", limit(), constant("::ffff:198.51.100.7"), 1},
		{"IPv6-address", limit(), constant("2001:db8::1"), 1},
		{"/24", limit(), within("198.51.100.0/24"), 32},
		{"/20", limit(), within("198.51.0.0/20"), 256},
		{"/18", limit(), within("198.51.0.0/18"), 768},
		{"/64", limit(), within("2001:db8::/64"), 2},
		{"/48", limit(), within("2001:db8::/48"), 4},
		{"/32", limit(), within("2001:db8::/32"), 64},
		{"private", &guard.RateLimit{Rate: 100, Burst: 50, Local: true}, constant("10.0.0.1"), 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFlood(tt.limit)
			n := int(tt.ratio*50) + 10_000
			burst := f.run(n, time.Microsecond, tt.addr)
			if want := tt.ratio * 50; math.Abs(float64(burst)-want) > 0.05*want {
				t.Errorf("%d admitted at once, want %v", burst, want)
			}
			// While the source is over its limit it gets its rate in every second.
			for range testsize.Pick(5, 1) {
				got := f.run(max(20_000, int(tt.ratio*1000)), time.Second, tt.addr)
				if want := tt.ratio * 100; math.Abs(float64(got)-want) > 0.05*want {
					t.Errorf("%d admitted in a second, want %v", got, want)
				}
			}
		})
	}
}

func TestRateLimitExemptsLocalSources(t *testing.T) {
	for _, addr := range []string{
		"127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.0.1", "fe80::1%eth0", "fd00::1",
		"::ffff:10.1.2.3",
	} {
		f := newFlood(&guard.RateLimit{Rate: 1, Burst: 1})
		if got := f.run(1000, time.Second, constant(addr)); got != 1000 {
			t.Errorf("%s: %d of 1000 admitted, want all", addr, got)
		}
	}
}

// TestRateLimitSharesItsCounts: the rules of all shards together keep the limit.
func TestRateLimitSharesItsCounts(t *testing.T) {
	l := &guard.RateLimit{Rate: 100, Burst: 100}
	shards := []*flood{newFlood(l), newFlood(l)}
	admitted := 0
	for i := range 1000 {
		if shards[i%2].ask(netip.MustParseAddr("198.51.100.7")) {
			admitted++
		}
	}
	if admitted != 100 {
		t.Errorf("%d admitted, want 100", admitted)
	}
}

// TestRateLimitSlip: the requests over the limit are counted together, whichever shard reads them.
func TestRateLimitSlip(t *testing.T) {
	const burst, slip, n = 10, 5, 1010
	limit := &guard.RateLimit{Rate: 1, Burst: burst, Slip: slip}
	shards := [2]guard.ResponseRule{limit.NewRule(nil).(guard.ResponseRule), limit.NewRule(nil).(guard.ResponseRule)}
	d := &guard.Datagram{Source: netip.MustParseAddrPort("198.51.100.7:40000"), Payload: []byte("Hello")}
	equal, longer := 0, 0
	for i := range n {
		rule := shards[i%2]
		if rule.Admit(time.Unix(1, 0), d) != guard.Admitted {
			continue
		}
		response := []byte("OLLEh")
		if i >= n/2 {
			response = []byte("longer")
		}
		if rule.AdmitResponse(time.Unix(1, 0), d, response) == guard.Admitted {
			if i < n/2 {
				equal++
			} else {
				longer++
			}
		}
	}
	if want := burst + (n/2-burst)/slip; equal != want || longer != 0 {
		t.Errorf("%d responses as long as their requests and %d longer ones, want %d and 0", equal, longer, want)
	}
}

// TestRateLimitOfAlternatingPrefixes: two sources do not reset each other's count, wherever they are.
func TestRateLimitOfAlternatingPrefixes(t *testing.T) {
	random := within("0.0.0.0/0")
	for range 100 {
		// The smallest table: all sources share their buckets.
		f := newFlood(&guard.RateLimit{Rate: 1, Burst: 10, Entries: 1, Local: true})
		pair := [2]netip.Addr{random(0), random(0)}
		got := f.run(10_000, time.Second, func(i int) netip.Addr { return pair[i%2] })
		if got > 24 {
			t.Fatalf("%v: %d admitted, want at most 24", pair, got)
		}
	}
}

// TestRateLimitOfManyHotPrefixes measures how many exchanges other sources lose while more prefixes
// send twice their limit than the table has room for. Each exchange has the five attempts of the
// default schedule of ohce.Client. The random key of a table decides which sources share their places
// with hot prefixes. Where the expected loss is close to the limit, the test uses the mean of several
// tables.
func TestRateLimitOfManyHotPrefixes(t *testing.T) {
	const entries = 4096
	for _, tt := range []struct {
		times  float64 // hot prefixes for each entry
		first  float64 // least share of the exchanges whose first attempt is admitted
		any    float64 // least share of those with an admitted attempt
		tables int
	}{{0.25, 0.995, 0.999, 8}, {0.5, 0.98, 0.99, 1}, {1, 0.6, 0.8, 1}, {4, 0.05, 0.1, 1}} {
		var during share
		for range tt.tables {
			one := attackHotPrefixes(t, entries, int(tt.times*entries))
			during.first += one.first / float64(tt.tables)
			during.any += one.any / float64(tt.tables)
		}
		t.Logf("%.2f hot prefixes for each entry: %.3f of the first attempts of others are admitted, %.3f of "+
			"the exchanges", tt.times, during.first, during.any)
		if during.first < tt.first || during.any < tt.any {
			t.Errorf("want at least %v and %v", tt.first, tt.any)
		}
	}
}

// attackHotPrefixes attacks a new table from hot prefixes and returns the shares of others meanwhile.
// It checks that a second after the attack others are admitted.
func attackHotPrefixes(t *testing.T, entries, hot int) share {
	t.Helper()
	only := []guard.PrefixLimit{{Bits: 32, Multiplier: 1}}
	f := newFlood(&guard.RateLimit{Rate: 10, Burst: 10, Entries: entries, Prefixes4: only, Local: true})
	a := attack{flood: f, hot: hot, rate: 20}
	a.run(5*time.Second, nil)
	during := a.exchanges(entries / 4)
	f.now = f.now.Add(time.Second) // the attack ends; the counts decay by the factor e
	innocent, admitted := within("203.0.0.0/16"), 0
	for i := range 1000 {
		if f.ask(innocent(i)) {
			admitted++
		}
	}
	if admitted < 999 {
		t.Errorf("%d hot prefixes: %d of 1000 sources are admitted a second after the attack", hot, admitted)
	}
	return during
}

// An attack sends requests from hot prefixes, each at rate requests a second.
type attack struct {
	*flood
	hot, rate, next int
}

// run attacks for d, and calls each, if not nil, with the time in each millisecond.
func (a *attack) run(d time.Duration, each func(at time.Duration)) {
	perStep := a.hot * a.rate / 1000
	for at := time.Duration(0); at < d; at += time.Millisecond {
		for i := range perStep {
			if i == perStep/2 && each != nil {
				each(at)
			}
			a.next = (a.next + 1) % a.hot
			n := a.next
			a.ask(netip.AddrFrom4([4]byte{11, byte(n >> 16), byte(n >> 8), byte(n)}))
		}
		a.now = a.now.Add(time.Millisecond)
	}
}

// A share is the shares of exchanges with an admitted first or any attempt.
type share struct{ first, any float64 }

// exchanges makes n exchanges from different sources while the attack continues.
func (a *attack) exchanges(n int) (s share) {
	innocent := within("198.51.0.0/16")
	begin := make([]time.Duration, n)
	source := make([]netip.Addr, n)
	attempts := make([]int, n)
	for i := range n {
		begin[i], source[i] = time.Duration(i)*time.Second/time.Duration(n), innocent(i)
	}
	due := []time.Duration{0, 100, 300, 600, 1000, 1_000_000} // ms after begin
	a.run(3*time.Second, func(at time.Duration) {
		for i := range n {
			if at < begin[i]+due[attempts[i]]*time.Millisecond {
				continue
			}
			attempts[i]++
			if !a.ask(source[i]) {
				continue
			}
			if s.any++; attempts[i] == 1 {
				s.first++
			}
			attempts[i] = len(due) - 1
		}
	})
	return share{s.first / float64(n), s.any / float64(n)}
}

func TestRateLimitReportsPrefixes(t *testing.T) {
	var got []netip.Prefix
	l := &guard.RateLimit{Rate: 1, Burst: 1, OnLimit: func(p netip.Prefix) { got = append(got, p) }}
	f := newFlood(l)
	f.run(6100, 61*time.Second, constant("198.51.100.7"))
	if want := netip.MustParsePrefix("198.51.100.7/32"); len(got) != 3 || got[0] != want {
		t.Errorf("reported %v, want %v at 0, 30 and 60 s", got, want)
	}
}

// BenchmarkRateLimit shows that the time of a decision does not depend on the number of sources.
func BenchmarkRateLimit(b *testing.B) {
	for name, mask := range map[string]uint32{
		"one-source": 0, "1000-sources": 1<<10 - 1, "all-sources": math.MaxUint32,
	} {
		b.Run(name, func(b *testing.B) {
			rule := (&guard.RateLimit{Local: true}).NewRule(nil)
			now, i := time.Unix(1, 0), uint32(0)
			d := &guard.Datagram{Payload: make([]byte, 64)}
			for b.Loop() {
				i += 0x9E3779B9
				a := i & mask
				d.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), 1)
				now = now.Add(time.Microsecond)
				rule.Admit(now, d)
			}
		})
	}
}

// TestRateAfterLongSilence checks that an address that sends after a long silence is not limited.
func TestRateAfterLongSilence(t *testing.T) {
	for _, silence := range []time.Duration{time.Hour, 24 * time.Hour, 365 * 24 * time.Hour} {
		for _, burst := range []float64{1, 10, 2000} {
			t.Run(fmt.Sprintf("%v/%v", silence, burst), func(t *testing.T) {
				r := (&guard.RateLimit{Burst: burst}).NewRule(nil)
				now := time.Unix(1e9, 0)
				d := &guard.Datagram{Source: netip.MustParseAddrPort("192.0.2.1:5000")}
				for range 100 {
					if v := r.Admit(now, d); v != guard.Admitted {
						t.Fatalf("%v after %v", v, now.Sub(time.Unix(1e9, 0)))
					}
					now = now.Add(silence)
				}
			})
		}
	}
}
