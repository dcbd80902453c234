package udp

import "time"

// maxDrained and maxDrainTime bound what is still read after Drain if nothing keeps new datagrams
// out. The one is more than a receive buffer of socketBuffer bytes can hold; the other is for
// datagrams that arrive one by one, with no silence between them.
const (
	maxDrained   = 1 << 16
	maxDrainTime = 10 * time.Second
)

// A drainLimit counts what has been read since Drain. Its zero value has not begun.
type drainLimit struct {
	read  int
	begun time.Time
}

// count notes n datagrams read after Drain.
func (d *drainLimit) count(n int) {
	if d.begun.IsZero() {
		d.begun = time.Now()
	}
	d.read += n
}

// reached reports whether reading must end, whatever is still queued.
func (d *drainLimit) reached() bool {
	return d.read >= maxDrained || d.read > 0 && time.Since(d.begun) > maxDrainTime
}
