package guard_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/ohce/ohce/guard"
)

// An amplifier passes requests and responses of given lengths to a rule and adds up what is sent.
type amplifier struct {
	rule     guard.ResponseRule
	now      time.Time
	in, out  int // bytes
	answered int
}

func newAmplifier(g guard.Guard) *amplifier {
	return &amplifier{rule: g.NewRule(nil).(guard.ResponseRule), now: time.Unix(1, 0)}
}

func (a *amplifier) ask(from string, request, response int) bool {
	d := &guard.Datagram{
		Source: netip.AddrPortFrom(netip.MustParseAddr(from), 40_000), Payload: make([]byte, request),
	}
	a.in += request
	if a.rule.Admit(a.now, d) != guard.Admitted ||
		a.rule.AdmitResponse(a.now, d, make([]byte, response)) != guard.Admitted {
		return false
	}
	a.out += response
	a.answered++
	return true
}

// TestAmplificationKeepsTheCredit: whatever the lengths, responses exceed requests by the credit at
// most, and by a tenth of it in every later second.
func TestAmplificationKeepsTheCredit(t *testing.T) {
	for _, tt := range []struct{ request, response int }{{2, 6}, {1, 3}, {100, 300}, {0, 1}} {
		a := newAmplifier(&guard.Amplification{Credit: 500})
		for second := range 10 {
			a.in, a.out = 0, 0
			for range 2000 {
				a.ask("198.51.100.7", tt.request, tt.response)
				a.now = a.now.Add(time.Second / 2000)
			}
			most := 500 + 55
			if second > 0 {
				most = 55
			}
			if a.out > a.in+most {
				t.Errorf("%+v: %d bytes in and %d out in second %d, want at most %d more", tt, a.in, a.out,
					second, most)
			}
		}
		if a.answered < 2 {
			t.Errorf("%+v: %d answered, want some", tt, a.answered)
		}
	}
}

func TestAmplification(t *testing.T) {
	for _, tt := range []struct {
		name              string
		limit             *guard.Amplification
		from              string
		request, response int
		want              int // answered of 100
	}{
		{"equal", new(guard.Amplification), "198.51.100.7", 1000, 1000, 100},
		{"shorter", new(guard.Amplification), "198.51.100.7", 1000, 10, 100},
		{"longer", new(guard.Amplification), "198.51.100.7", 1000, 1512, 2},
		{"too long", new(guard.Amplification), "198.51.100.7", 10, 1500, 0},
		{"no credit", &guard.Amplification{Credit: -1}, "198.51.100.7", 1, 2, 0},
		{"local", new(guard.Amplification), "127.0.0.1", 1, 1000, 100},
		{"local limited", &guard.Amplification{Local: true}, "127.0.0.1", 1, 513, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAmplifier(tt.limit)
			for range 100 {
				a.ask(tt.from, tt.request, tt.response)
			}
			if a.answered != tt.want {
				t.Errorf("%d of 100 answered, want %d", a.answered, tt.want)
			}
		})
	}
}

// TestAmplificationCountsPrefixes: the addresses of a /24 share their credit.
func TestAmplificationCountsPrefixes(t *testing.T) {
	a := newAmplifier(new(guard.Amplification))
	for _, from := range []string{"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.101.1"} {
		a.ask(from, 0, 512)
	}
	if a.answered != 3 {
		t.Errorf("%d answered, want two of the first prefix and one of the second", a.answered)
	}
}

func TestCeiling(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ceiling *guard.Ceiling
		burst   int // admitted at once
		second  int // admitted in the following second
	}{
		{"none", new(guard.Ceiling), 10_000, 10_000},
		{"default burst", &guard.Ceiling{Rate: 1000}, 100, 1000},
		{"burst", &guard.Ceiling{Rate: 1000, Burst: 500}, 500, 1000},
		{"slow", &guard.Ceiling{Rate: 2}, 1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFlood(tt.ceiling)
			if got := f.run(10_000, 0, constant("127.0.0.1")); got != tt.burst {
				t.Errorf("%d admitted at once, want %d", got, tt.burst)
			}
			if got := f.run(10_000, time.Second, within("198.51.0.0/16")); got < tt.second-1 || got > tt.second+1 {
				t.Errorf("%d admitted in a second, want %d", got, tt.second)
			}
		})
	}
}

func TestDryRun(t *testing.T) {
	dry := &guard.DryRun{Guard: guard.Guards{
		&guard.RateLimit{Rate: 1, Burst: 10}, &guard.Amplification{Credit: -1}, guard.ServicePorts(),
	}}
	rule := dry.NewRule(nil).(guard.ResponseRule)
	ask := func(port uint16, response string) {
		d := &guard.Datagram{
			Source:  netip.AddrPortFrom(netip.MustParseAddr("198.51.100.7"), port),
			Payload: []byte("Hello"),
		}
		if rule.Admit(time.Unix(1, 0), d) != guard.Admitted ||
			rule.AdmitResponse(time.Unix(1, 0), d, []byte(response)) != guard.Admitted {
			t.Error("a dry run dropped a datagram")
		}
	}
	ask(53, "OLLEh") // it counts for the rate all the same
	for range 4 {
		ask(40_000, "OLLEh")
	}
	ask(40_000, "longer")
	for range 20 {
		ask(40_000, "OLLEh")
	}
	for v, want := range map[guard.Verdict]uint64{
		guard.Admitted: 8, guard.DropLoop: 1, guard.DropRate: 17, guard.DropDenied: 0, 99: 0,
	} {
		if got := dry.Count(v); got != want {
			t.Errorf("%d counted as %v, want %d", got, v, want)
		}
	}
}
