package udp

import (
	"net"
	"sync"
	"time"
)

// A Timer wakes one goroutine at a given time. On Linux it is accurate to some tens of microseconds
// (timerfd, 2.6.25). The runtime's own timers are up to a millisecond late on an idle machine,
// because epoll_wait counts in milliseconds.
type Timer interface {
	// Set makes Wait return in d from now, at once if d is 0 or negative. It replaces an earlier
	// time, and may be called by any goroutine, during Wait too.
	Set(d time.Duration)
	// Wait waits until the time that was set, or that is set while it waits; after that none is
	// set. After Close it returns net.ErrClosed.
	Wait() error
	// Close ends Wait.
	Close() error
}

// NewTimer returns a Timer on which one goroutine can wait.
func NewTimer() Timer { return newTimer() }

// A runtimeTimer is a Timer on the runtime's timers.
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
		case <-t.closed: // Close wins if both happened
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
