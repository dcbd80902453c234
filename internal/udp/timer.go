package udp

import (
	"net"
	"sync"
	"time"
)

// A Timer wakes one goroutine at a given time. On Linux, it uses a timerfd (2.6.25), which expires
// up to some tens of microseconds late. A timer of the runtime expires up to a millisecond late on
// an idle machine, because the timeout of epoll_wait is in milliseconds.
type Timer interface {
	// Set makes the timer expire after d, or immediately if d is zero or negative. It replaces the
	// time of an earlier call. Any goroutine may call Set, even during Wait.
	Set(d time.Duration)
	// Wait blocks until the timer expires. The timer must be set again before it expires once more.
	// After Close, Wait returns net.ErrClosed.
	Wait() error
	// Close releases the timer and unblocks Wait.
	Close() error
}

// NewTimer returns a Timer that is not set. Only one goroutine at a time may wait for it.
func NewTimer() Timer { return newTimer() }

// A runtimeTimer is a Timer that uses a timer of the runtime.
type runtimeTimer struct {
	timer  *time.Timer
	closed chan struct{}
	once   sync.Once
}

func newRuntimeTimer() *runtimeTimer {
	t := &runtimeTimer{timer: time.NewTimer(time.Hour), closed: make(chan struct{})}
	t.timer.Stop()
	return t
}

func (t *runtimeTimer) Set(d time.Duration) { t.timer.Reset(max(d, 0)) }

func (t *runtimeTimer) Wait() error {
	select {
	case <-t.closed:
	case <-t.timer.C:
		select {
		case <-t.closed: // Close takes precedence over expiry
		default:
			return nil
		}
	}
	return net.ErrClosed
}

func (t *runtimeTimer) Close() error {
	t.once.Do(func() { close(t.closed) })
	t.timer.Stop()
	return nil
}
