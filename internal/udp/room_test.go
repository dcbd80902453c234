package udp

import (
	"testing"
	"time"
)

func TestRoomWait(t *testing.T) {
	begun := time.Unix(1000, 0)
	for _, tt := range []struct {
		name                string
		connected, progress bool
		max, cooldown       time.Duration
	}{
		{"unconnected", false, false, 5 * time.Millisecond, 75 * time.Millisecond},
		{"unconnected with progress", false, true, 5 * time.Millisecond, 75 * time.Millisecond},
		{"connected", true, false, 100 * time.Millisecond, 1500 * time.Millisecond},
		{"connected with progress", true, true, 100 * time.Millisecond, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := roomWait{connected: tt.connected}
			if got := r.limit(begun); got != tt.max {
				t.Errorf("limit of a new roomWait = %v, want %v", got, tt.max)
			}
			now := begun.Add(tt.max)
			r.timedOut(now, tt.max, tt.progress)
			if got := r.limit(now.Add(tt.cooldown - 1)); tt.cooldown > 0 && got != 0 {
				t.Errorf("limit after a timeout = %v, want 0", got)
			}
			if got := r.limit(now.Add(tt.cooldown)); got != tt.max {
				t.Errorf("limit %v after a timeout = %v, want %v", tt.cooldown, got, tt.max)
			}
		})
	}
}
