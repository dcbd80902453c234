package guard_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/ohce/ohce/guard"
)

// admit passes one datagram to a rule and reports whether it was admitted.
func admit(r guard.Rule, source netip.AddrPort, length int) bool {
	d := guard.Datagram{Source: source, Payload: zeros[:length]}
	return r.Admit(time.Time{}, &d) == guard.Admitted
}

var zeros = make([]byte, 64)

func source(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}),
		uint16(20_000+i%40_000))
}

func TestLoops(t *testing.T) {
	own := []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:3000"), netip.MustParseAddrPort("[2001:db8::1]:3001"),
	}
	only := new(guard.PortSet)
	only.Add(4000)
	tests := []struct {
		name  string
		loops guard.Loops
		drops []uint16 // source ports
		pass  []uint16
	}{
		{"default", guard.Loops{}, []uint16{0, 7, 1023, 3000, 3001}, []uint16{1024, 3002, 4000}},
		{"ports", guard.Loops{RefusePorts: only}, []uint16{4000}, []uint16{0, 7, 3000}},
		{"streak", guard.Loops{Streak: 1}, []uint16{7, 3000, 4000}, nil},
		{"none", guard.Loops{RefusePorts: new(guard.PortSet), Streak: -1, Rounds: -1}, nil,
			[]uint16{0, 7, 3000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rule := tt.loops.NewRule(own)
			for _, port := range slices.Concat(tt.drops, tt.pass) {
				want := guard.Admitted
				if slices.Contains(tt.drops, port) {
					want = guard.DropLoop
				}
				d := guard.Datagram{Source: netip.AddrPortFrom(own[0].Addr(), port)}
				if got := rule.Admit(time.Time{}, &d); got != want {
					t.Errorf("source port %d is %v, want %v", port, got, want)
				}
			}
		})
	}
}

// TestLoopsRulesIndependent checks that the rules of different shards count separately.
func TestLoopsRulesIndependent(t *testing.T) {
	g := guard.Loops{Streak: 2}
	for range 2 {
		if !admit(g.NewRule(nil), source(1), 5) {
			t.Error("the first datagram of a shard was dropped")
		}
	}
}

func TestGuards(t *testing.T) {
	var order []string
	rule := func(name string, v guard.Verdict) guard.Guard {
		return guard.RuleFunc(func(time.Time, *guard.Datagram) guard.Verdict {
			order = append(order, name)
			return v
		})
	}
	tests := []struct {
		name  string
		all   guard.Guards
		want  guard.Verdict
		order []string
	}{
		{"empty", nil, guard.Admitted, nil},
		{"all-admit", guard.Guards{rule("a", guard.Admitted), rule("b", guard.Admitted)},
			guard.Admitted, []string{"a", "b"}},
		{"first-drop", guard.Guards{rule("a", guard.DropRate), rule("b", guard.DropDenied)},
			guard.DropRate, []string{"a"}},
		{"last-drops", guard.Guards{rule("a", guard.Admitted), rule("b", guard.DropDenied)},
			guard.DropDenied, []string{"a", "b"}},
		{"nested", guard.Guards{guard.Guards{rule("a", guard.Admitted)}, rule("b", guard.DropRate)},
			guard.DropRate, []string{"a", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			order = nil
			if got := tt.all.NewRule(nil).Admit(time.Time{}, new(guard.Datagram)); got != tt.want {
				t.Errorf("the verdict is %v, want %v", got, tt.want)
			}
			if !slices.Equal(order, tt.order) {
				t.Errorf("called %q, want %q", order, tt.order)
			}
		})
	}
}

func TestVerdictString(t *testing.T) {
	seen := make(map[string]bool)
	for v := guard.Admitted; v <= guard.DropDenied; v++ {
		if name := v.String(); name == "unknown" || seen[name] {
			t.Errorf("verdict %d has the name %q", v, name)
		}
		seen[v.String()] = true
	}
	if name := guard.Verdict(255).String(); name != "unknown" {
		t.Errorf("verdict 255 has the name %q", name)
	}
}

func TestRuleAllocs(t *testing.T) {
	prefixes := new(guard.Prefixes)
	prefixes.Set(nil, guard.NewPrefixSet(netip.MustParsePrefix("192.0.2.0/24")))
	all := guard.Guards{
		guard.Loops{}, guard.ServicePorts(), prefixes, &guard.RateLimit{}, &guard.Ceiling{Rate: 1e6},
		&guard.Amplification{},
	}
	rule := (&guard.DryRun{Guard: all}).NewRule(nil).(guard.ResponseRule)
	d := &guard.Datagram{Source: netip.MustParseAddrPort("198.51.100.7:40000"), Payload: []byte("Hello")}
	now, response := time.Now(), []byte("longer than the request")
	n := testing.AllocsPerRun(100, func() {
		rule.Admit(now, d)
		rule.AdmitResponse(now, d, response)
	})
	if n != 0 {
		t.Errorf("%v allocations for a datagram, want 0", n)
	}
}

// TestAdmitBatch checks that a batch that AdmitBatch admits counts as much as its datagrams one by
// one.
func TestAdmitBatch(t *testing.T) {
	const limit = 10
	rule := guard.Loops{Streak: limit}.NewRule(nil)
	batches := rule.(guard.BatchRule)
	d := &guard.Datagram{Source: source(1), Payload: zeros[:5]}
	drops := 0
	for _, n := range []int{4, 5, 1, 25, 64, 1} { // 100 in all
		if batches.AdmitBatch(time.Time{}, d, n) {
			continue
		}
		for range n {
			if rule.Admit(time.Time{}, d) != guard.Admitted {
				drops++
			}
		}
	}
	if drops != limit {
		t.Errorf("%d of 100 datagrams were dropped, want %d", drops, limit)
	}
	d.Source = netip.AddrPortFrom(d.Source.Addr(), 53)
	if batches.AdmitBatch(time.Time{}, d, 2) {
		t.Error("a batch from port 53 was admitted")
	}
}

// A custom guard combined with the default one.
func ExampleGuards() {
	private := guard.RuleFunc(func(_ time.Time, d *guard.Datagram) guard.Verdict {
		if addr := d.Source.Addr(); !addr.IsPrivate() && !addr.IsLoopback() {
			return guard.DropDenied
		}
		return guard.Admitted
	})
	rule := guard.Guards{guard.Loops{}, private}.NewRule(nil)
	for _, source := range []string{"192.168.0.2:40000", "192.168.0.2:53", "198.51.100.7:40000"} {
		d := guard.Datagram{Source: netip.MustParseAddrPort(source), Payload: []byte("Hello")}
		fmt.Println(source, rule.Admit(time.Now(), &d))
	}
	// Output:
	// 192.168.0.2:40000 admitted
	// 192.168.0.2:53 loop
	// 198.51.100.7:40000 denied
}
