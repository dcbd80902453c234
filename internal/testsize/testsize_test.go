package testsize

import "testing"

func TestPick(t *testing.T) {
	t.Setenv(variable, "")
	if got := Pick(10, 1); got != 1 {
		t.Errorf("Pick(10, 1) = %d, want 1", got)
	}
	t.Setenv(variable, "1")
	want := 10
	if Race() {
		want = 1
	}
	if got := Pick(10, 1); got != want {
		t.Errorf("with %s, Pick(10, 1) = %d, want %d (race detector: %v)", variable, got, want, Race())
	}
}

func TestRequireFull(t *testing.T) {
	ran := false
	t.Cleanup(func() {
		if !ran {
			t.Error("skipped although a variable is set")
		}
	})
	for value, skipped := range map[string]bool{"": true, "1": Race()} {
		t.Setenv(variable, value)
		var inner *testing.T
		t.Run("inner", func(t *testing.T) {
			inner = t
			RequireFull(t, "OHCE_TEST")
		})
		if inner.Skipped() != skipped {
			t.Errorf("with %s=%s, skipped: %v", variable, value, inner.Skipped())
		}
	}
	t.Setenv(variable, "")
	t.Setenv("OHCE_TEST", "1")
	RequireFull(t, "OHCE_OTHER", "OHCE_TEST")
	ran = true
}
