//go:build !ohce_portable

package udp

import (
	"testing"
	"time"
)

// TestBatchWaitGivesUp: after a batch has waited without success, the next one does not wait.
func TestBatchWaitGivesUp(t *testing.T) {
	begun := time.Now().Add(-time.Hour) // so that the pause after it is long
	b := batchWait{begun: begun, until: begun.Add(maxRoomWait)}
	var r roomWait
	if b.retry(&r, -1, 0) {
		t.Error("the first batch waits longer than its limit")
	}
	if got := r.limit(time.Now()); got != 0 {
		t.Errorf("the next batch waits up to %v, want 0", got)
	}
	var next batchWait
	if next.retry(&r, -1, 0) {
		t.Error("the next batch waits")
	}
}
