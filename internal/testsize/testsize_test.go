package testsize

import (
	"flag"
	"testing"
)

func TestPick(t *testing.T) {
	short := flag.Lookup("test.short")
	set := func(v string) {
		if err := short.Value.Set(v); err != nil {
			t.Fatal(err)
		}
	}
	before := short.Value.String()
	defer set(before)
	set("true")
	if got := Pick(10, 1); got != 1 {
		t.Errorf("Pick(10, 1) with -short = %d, want 1", got)
	}
	set("false")
	want := 10
	if race() {
		want = 1
	}
	if got := Pick(10, 1); got != want {
		t.Errorf("Pick(10, 1) without -short = %d, want %d (race detector: %v)", got, want, race())
	}
}
