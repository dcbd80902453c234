package dashboard

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/link/relay"
)

// Each counter of a link is on the page.
func TestOfLinksHasAllCounters(t *testing.T) {
	var stats relay.Stats
	setAll(reflect.ValueOf(&stats).Elem(), 3)
	s := OfLinks([]Link{{Name: "l", Stats: stats}}, 0)
	shown := map[string]uint64{"seen": 3, "delivered": 3} // follow from the others
	for _, f := range s.Flows[:1] {
		shown["received"], shown["sent"], shown["kernel_dropped"], shown["delayed"] =
			f.Received, f.Sent, f.KernelDropped, f.Waiting
		for _, c := range slices.Concat(f.Dropped, f.Changed) {
			shown[strings.ReplaceAll(c.Name, " ", "_")] = c.Total
		}
	}
	for name, n := range stats.Up.All() {
		if shown[name] != n {
			t.Errorf("%s is %d on the page, want %d", name, shown[name], n)
		}
	}
	for _, name := range []string{"no_mapping", "address_limit", "port_limit", "loop"} {
		if shown[name] != 3 {
			t.Errorf("%s is %d on the page, want 3", name, shown[name])
		}
	}
}

func setAll(v reflect.Value, n uint64) {
	for _, field := range v.Fields() {
		if field.Kind() == reflect.Struct {
			setAll(field, n)
		} else {
			field.SetUint(n)
		}
	}
}

// Each counter of dropped or changed datagrams has an explanation, and so a row on the page.
func TestReasons(t *testing.T) {
	links := OfLinks([]Link{{Name: "l"}}, 0)
	server := OfServer([]ohce.ShardStats{{}})
	for _, tt := range []struct {
		flows   []Flow
		reasons []reason
	}{{server.Flows, serverReasons}, {links.Flows, linkReasons}} {
		var names []string
		for _, f := range tt.flows {
			for _, c := range slices.Concat(f.Dropped, f.Changed) {
				names = append(names, c.Name)
				if !slices.ContainsFunc(tt.reasons, func(r reason) bool { return r.Name == c.Name && r.Text != "" }) {
					t.Errorf("%s: %q has no explanation", f.Name, c.Name)
				}
			}
		}
		for _, r := range tt.reasons {
			if !slices.Contains(names, r.Name) && r.Name != kernelReason {
				t.Errorf("%q is explained, but no counter has this name", r.Name)
			}
		}
	}
}
