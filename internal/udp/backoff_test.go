package udp

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	var b Backoff
	for range 2 { // the second time after Reset
		for i := 1; i <= 16; i++ {
			if got := b.Failed(); got != 0 {
				t.Errorf("failure %d: wait %v, want none", i, got)
			}
		}
		for i, want := range []time.Duration{2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000} {
			if got := b.Failed(); got != want*time.Millisecond {
				t.Errorf("failure %d: wait %v, want %v", 17+i, got, want*time.Millisecond)
			}
		}
		for range 100 {
			if got := b.Failed(); got != time.Second {
				t.Fatalf("wait %v, want 1s", got)
			}
		}
		b.Reset()
	}
}
