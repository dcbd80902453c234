package udp

import (
	"net"
	"sync"
	"time"
)

// An Alarm wakes a goroutine at a given time. Where the system can tell to the microsecond it does
// (Linux: timerfd, 2.6.25); the runtime's own timers are up to a millisecond late on an idle machine, for
// they wait in epoll_wait, which counts in milliseconds.
type Alarm interface {
	// Set makes Wait return in d from now, at once if that is 0 or less. It replaces what was set
	// before. It may be called by any goroutine, during Wait too.
	Set(d time.Duration)
	// Wait waits until the time that was set has come, or begins to wait for one; then nothing is set.
	// After Close it returns net.ErrClosed.
	Wait() error
	// Close wakes who waits.
	Close() error
}

// NewAlarm returns an Alarm for one goroutine that waits.
func NewAlarm() Alarm { return newAlarm() }

// A timerAlarm is an Alarm on the runtime's timers.
type timerAlarm struct {
	timer  *time.Timer
	closed chan struct{}
	once   sync.Once
}

func newTimerAlarm() *timerAlarm {
	a := &timerAlarm{timer: time.NewTimer(time.Hour), closed: make(chan struct{})}
	a.timer.Stop()
	return a
}

func (a *timerAlarm) Set(d time.Duration) { a.timer.Reset(max(d, 0)) }

func (a *timerAlarm) Wait() error {
	select {
	case <-a.closed:
	case <-a.timer.C:
		select {
		case <-a.closed: // both, and that counts for more
		default:
			return nil
		}
	}
	return net.ErrClosed
}

func (a *timerAlarm) Close() error {
	a.once.Do(func() { close(a.closed) })
	a.timer.Stop()
	return nil
}
