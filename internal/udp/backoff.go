package udp

import "time"

// immediateRetries is the number of consecutive failures after which a reader retries immediately.
// A failure can concern a single datagram, and the next read may succeed.
const immediateRetries = 16

// maxBackoff is the longest wait between two reads.
const maxBackoff = time.Second

// A Backoff delays the reads of a socket whose reads keep failing, so that its loop does not occupy
// a whole CPU. The zero value is ready to use.
type Backoff struct{ failures int }

// Failed records a failure and returns the time to wait before the next read. It is 0 for the first
// 16 consecutive failures. Then it is 2 ms and doubles with each failure, up to 1 s.
func (b *Backoff) Failed() time.Duration {
	b.failures++
	over := b.failures - immediateRetries
	if over <= 0 {
		return 0
	}
	return min(time.Millisecond<<min(over, 10), maxBackoff)
}

// Reset records that a read has succeeded.
func (b *Backoff) Reset() { b.failures = 0 }
