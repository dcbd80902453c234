//go:build !ohce_portable

package udp

import (
	"time"

	"golang.org/x/sys/unix"
)

// roomPollInterval is how often a batch that waits for room tries again. The kernel reports a socket as
// writable only when half of its buffer is free, and takes datagrams before that.
const roomPollInterval = time.Millisecond

// A batchWait is the wait for room of one batch. Its zero value has not begun.
type batchWait struct {
	begun, until time.Time
	from         int // messages sent when it began
}

// retry waits a little and reports whether to try again, where the buffer of sock is full and from
// messages of the batch have been sent.
func (b *batchWait) retry(r *roomWait, sock, from int) bool {
	now := time.Now()
	if b.begun.IsZero() {
		*b = batchWait{begun: now, until: now.Add(r.limit(now)), from: from}
	}
	left := b.until.Sub(now)
	if left <= 0 {
		if waited := now.Sub(b.begun); waited > 0 {
			r.timedOut(now, waited, from > b.from)
		}
		return false
	}
	step := unix.NsecToTimespec(int64(min(left, roomPollInterval)))
	// The result does not matter: the caller tries again.
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(sock), Events: unix.POLLOUT}}, &step, nil)
	return true
}
