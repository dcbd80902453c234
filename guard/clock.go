package guard

import (
	"sync/atomic"
	"time"
)

// A clock converts times to durations since the first one.
type clock struct {
	start, latest time.Time
	since         time.Duration // from start to latest
}

// at returns the time since the first call. It never decreases.
func (c *clock) at(now time.Time) time.Duration {
	switch {
	case now == c.latest:
	case c.start.IsZero():
		c.start, c.latest = now, now
	default:
		c.latest = now
		c.since = max(c.since, now.Sub(c.start))
	}
	return c.since
}

// A sharedClock is a clock for several goroutines. Between them, times can decrease.
type sharedClock struct {
	start atomic.Pointer[time.Time]
}

// since returns the time since the first call.
func (c *sharedClock) since(now time.Time) time.Duration {
	start := c.start.Load()
	if start == nil {
		start = c.begin(now)
	}
	return max(0, now.Sub(*start))
}

func (c *sharedClock) begin(now time.Time) *time.Time {
	c.start.CompareAndSwap(nil, &now)
	return c.start.Load()
}
