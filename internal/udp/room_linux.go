//go:build !ohce_portable

package udp

import (
	"time"

	"golang.org/x/sys/unix"
)

// roomPollInterval is the time after which a batch that waits for room tries again. The kernel
// accepts datagrams before it reports a socket as writable, which it does when half of the buffer
// is free.
const roomPollInterval = time.Millisecond

// A batchWait is the wait of one batch for room. The zero value has not started.
type batchWait struct {
	begun, until time.Time
	from         int // number of messages sent before the wait
}

// retry waits for up to roomPollInterval because the buffer of sock is full, and reports whether to
// try again. from is the number of messages of the batch that have been sent.
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
	// Ignore the result: the caller tries again in any case.
	_, _ = unix.Ppoll([]unix.PollFd{{Fd: int32(sock), Events: unix.POLLOUT}}, &step, nil)
	return true
}
