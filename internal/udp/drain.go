package udp

import "time"

// maxDrained and maxDrainTime bound what is still read after Drain where nothing keeps new datagrams
// out: the one is more than a receive buffer of socketBuffer bytes can hold, the other is for
// datagrams that come one by one and never leave a silence.
const (
	maxDrained   = 1 << 16
	maxDrainTime = 10 * time.Second
)

// A drainBound is how far a drain has come. Its zero value is one that has not begun.
type drainBound struct {
	read  int
	begun time.Time
}

// count takes note of n datagrams read after Drain.
func (d *drainBound) count(n int) {
	if d.begun.IsZero() {
		d.begun = time.Now()
	}
	d.read += n
}

// reached reports whether the drain is to end whatever is still queued.
func (d *drainBound) reached() bool {
	return d.read >= maxDrained || d.read > 0 && time.Since(d.begun) > maxDrainTime
}
