package measure

import (
	"math"
	"slices"
	"sync"
	"time"
)

// sums are what happened in an interval, or in a whole run.
type sums struct {
	Summary
	asked, sent, skipped int
	ambiguous            int           // requests equal to another one in flight
	arrived              int           // datagrams that were read
	overflow             int           // datagrams that the kernel dropped at full receive buffers
	readErrors           int           // other failures of the system
	lastDue, lastSent    time.Duration // since the start of the run
	lag                  histogram     // from the due time to the transmission
}

// newSums returns empty sums that allocate no memory later.
func newSums() *sums {
	s := &sums{}
	for _, h := range []*histogram{&s.rtt, &s.latency, &s.delay, &s.lag} {
		h.allocate()
	}
	return s
}

// addSent adds a request that was sent lag after its due time.
func (s *sums) addSent(lag time.Duration) {
	s.sent++
	s.lag.add(lag)
	if lag > missedLag {
		s.Own.Missed++
	}
}

// merge adds the sums of another interval or worker.
func (s *sums) merge(o *sums) {
	s.Summary.merge(&o.Summary)
	s.asked, s.sent, s.skipped = s.asked+o.asked, s.sent+o.sent, s.skipped+o.skipped
	s.ambiguous += o.ambiguous
	s.arrived += o.arrived
	s.overflow, s.readErrors = s.overflow+o.overflow, s.readErrors+o.readErrors
	s.lastDue, s.lastSent = max(s.lastDue, o.lastDue), max(s.lastSent, o.lastSent)
	s.lag.merge(&o.lag)
}

// reset empties s but keeps the memory of its histograms.
func (s *sums) reset() {
	rtt, latency, lag, delay := s.rtt, s.latency, s.lag, s.delay
	*s = sums{}
	for _, h := range []*histogram{&rtt, &latency, &lag, &delay} {
		h.reset()
	}
	s.rtt, s.latency, s.lag, s.delay = rtt, latency, lag, delay
}

// A collector adds up the sums of the workers of a load.
type collector struct {
	changed chan struct{} // holds a token after a change

	mu      sync.Mutex
	arrived []arrivedSums
	spare   []*sums // empty

	// Used by follow and report only.
	length    time.Duration // of an interval
	latest    []int         // by worker: the latest interval that it delivered
	total     sums
	open      []*sums // of consecutive intervals from len(intervals), not yet complete; nil if empty
	intervals []Interval
}

// arrivedSums are the sums of a worker for an interval. sums is nil if the worker has ended.
type arrivedSums struct {
	worker, interval int
	sums             *sums
}

func newCollector(workers int, length time.Duration) *collector {
	c := &collector{changed: make(chan struct{}, 1), length: length, latest: make([]int, workers)}
	for i := range workers {
		c.latest[i] = -1
		c.spare = append(c.spare, newSums(), newSums(), newSums())
	}
	return c
}

// add takes the sums of a worker for an interval and returns empty ones. Each worker delivers its
// intervals in order.
func (c *collector) add(worker, interval int, s *sums) (empty *sums) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = append(c.arrived, arrivedSums{worker, interval, s})
	c.signal()
	if n := len(c.spare); n > 0 {
		empty, c.spare = c.spare[n-1], c.spare[:n-1]
		return empty
	}
	return &sums{}
}

// ended records that a worker has delivered all of its intervals.
func (c *collector) ended(worker int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.arrived = append(c.arrived, arrivedSums{worker: worker, interval: math.MaxInt})
	c.signal()
}

// signal wakes follow.
func (c *collector) signal() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// follow adds up the sums until all workers have ended. It calls observe, if it is not nil, for each
// interval that is complete.
func (c *collector) follow(observe func(Interval)) {
	for slices.Min(c.latest) < math.MaxInt {
		<-c.changed
		c.mu.Lock()
		arrived := c.arrived
		c.arrived = nil
		c.mu.Unlock()
		for _, a := range arrived {
			c.merge(a)
		}
		c.complete(slices.Min(c.latest), observe)
	}
}

// merge adds the sums of a worker to their interval.
func (c *collector) merge(a arrivedSums) {
	c.latest[a.worker] = a.interval
	if a.sums == nil {
		return
	}
	i := a.interval - len(c.intervals)
	for len(c.open) <= i {
		c.open = append(c.open, nil)
	}
	if c.open[i] == nil {
		c.open[i] = a.sums
		return
	}
	c.open[i].merge(a.sums)
	c.release(a.sums)
}

// release empties sums for reuse.
func (c *collector) release(s *sums) {
	s.reset()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = append(c.spare, s)
}

// complete closes the intervals up to the given one, and calls observe for each if it is not nil.
func (c *collector) complete(last int, observe func(Interval)) {
	for len(c.open) > 0 && len(c.intervals) <= last {
		s := c.open[0]
		if s == nil { // all workers stalled
			s = &sums{}
		}
		c.open = c.open[1:]
		c.total.merge(s)
		interval := newInterval(time.Duration(len(c.intervals))*c.length, s)
		c.intervals = append(c.intervals, interval)
		c.release(s)
		if observe != nil {
			observe(interval)
		}
	}
}
