package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce/link"
)

// TestImpairmentFlags compares the flags with the fields that link knows: an error about an unknown
// field lists them all.
func TestImpairmentFlags(t *testing.T) {
	err := new(link.Impairment).UnmarshalText([]byte("nonsense=1"))
	_, known, ok := strings.Cut(err.Error(), "must be one of ")
	if !ok {
		t.Fatalf("%v lists no fields", err)
	}
	var flags []string
	for _, u := range impairmentUsage {
		flags = append(flags, u.field)
	}
	if got := strings.Join(flags, ", "); got != known {
		t.Errorf("flags: %s\nfields: %s", got, known)
	}
}

func TestChanges(t *testing.T) {
	before := link.Impairment{MTU: 1500, Loss: link.RandomLoss(0.1), Delay: link.Delay{Base: time.Second}}
	after := link.Impairment{MTU: 1400, Delay: link.Delay{Base: time.Second}, BlackHole: true}
	got, err := changes(before, after)
	if err != nil {
		t.Fatal(err)
	}
	if loss, ok := got["loss"]; len(got) != 3 || got["mtu"] != 1400.0 || !ok || loss != nil ||
		got["black_hole"] != true {
		t.Errorf("changes are %v", got)
	}
}
