package udp

import "time"

// immediateRetries is the number of failures in a row after which a reader begins to wait: each of the
// first ones can be about one datagram.
const immediateRetries = 16

// maxBackoff is the longest wait between two reads.
const maxBackoff = time.Second

// A Backoff spaces the reads of a socket that fails again and again, so that its loop does not use
// the whole processor. Its zero value has seen no failure.
type Backoff struct{ failures int }

// Failed notes a failure and returns how long to wait before the next read: nothing at first, then
// from 2 ms on twice as long each time, up to a second.
func (b *Backoff) Failed() time.Duration {
	b.failures++
	over := b.failures - immediateRetries
	if over <= 0 {
		return 0
	}
	return min(time.Millisecond<<min(over, 10), maxBackoff)
}

// Reset notes that a read has succeeded.
func (b *Backoff) Reset() { b.failures = 0 }
