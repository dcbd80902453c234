package udp

import "time"

// maxDrained and maxDrainTime limit the datagrams read after Drain if the kernel does not drop new
// ones. maxDrained is more than a receive buffer of socketBuffer bytes can hold. maxDrainTime is
// for datagrams that keep arriving one by one.
const (
	maxDrained   = 1 << 16
	maxDrainTime = 10 * time.Second
)

// A drainLimit ends reading after Drain. The zero value has counted no datagram.
type drainLimit struct {
	read  int
	begun time.Time
}

// count records that n datagrams were read after Drain.
func (d *drainLimit) count(n int) {
	if d.begun.IsZero() {
		d.begun = time.Now()
	}
	d.read += n
}

// reached reports whether reading must end, even if datagrams are still queued.
func (d *drainLimit) reached() bool {
	return d.read >= maxDrained || d.read > 0 && time.Since(d.begun) > maxDrainTime
}
