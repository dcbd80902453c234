package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ohce/ohce/link/relay"
)

// TestCounters checks that the guide of ohce link explains each counter.
func TestCounters(t *testing.T) {
	text, err := os.ReadFile("link.md")
	if err != nil {
		t.Fatal(err)
	}
	_, counters, ok := strings.Cut(string(text), "## Counters\n")
	if !ok {
		t.Fatal("link.md has no section about counters")
	}
	var s relay.Stats
	explained := func(name string, _ uint64) bool {
		if !strings.Contains(counters, "`"+name+"`") {
			t.Errorf("link.md does not explain %s", name)
		}
		return true
	}
	s.Up.All()(explained)
	s.All()(explained)
}
