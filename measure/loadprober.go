package measure

import (
	"context"
	"iter"
	"time"
)

// runProber is Run without Match: a Prober sends the requests.
func (l *Load) runProber(ctx context.Context, due iter.Seq[time.Duration]) (*Report, error) {
	p := &Prober{
		Addr: l.Addr, Dial: l.Dial, Closed: l.Closed, Timeout: l.Timeout, Request: l.Request, Check: l.Check,
	}
	limited := ctx
	if l.Closed > 0 && l.Duration > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, l.Duration)
		defer cancel()
	}
	r := &proberRun{load: l, collector: newCollector(1, l.interval()), sums: &sums{}}
	for sample, err := range p.Run(limited, due) {
		switch {
		case err == nil:
			r.add(sample)
		case limited.Err() == nil:
			return nil, err
		}
	}
	return r.report(p.Counts()), nil
}

// A proberRun adds up the samples of a Prober.
type proberRun struct {
	load      *Load
	collector *collector
	begun     time.Time // the due time of the first request
	interval  int       // of the latest sample
	sums      *sums     // of that interval
}

func (r *proberRun) add(s Sample) {
	if r.begun.IsZero() {
		r.begun = s.Due
	}
	due := s.Due.Sub(r.begun)
	if interval := int(due / r.load.interval()); interval > r.interval {
		r.publish()
		r.interval = interval
	}
	r.sums.asked++
	r.sums.lastDue = max(r.sums.lastDue, due)
	r.sums.Summary.Add(s)
	if s.Class == Unsent {
		return
	}
	r.sums.sent++
	r.sums.lag.add(s.Lag)
	r.sums.lastSent = max(r.sums.lastSent, due+s.Lag)
}

// publish passes the sums of the interval to the collector.
func (r *proberRun) publish() {
	r.collector.merge(arrivedSums{interval: r.interval, sums: r.sums})
	r.sums = &sums{}
	r.collector.complete(r.interval, r.load.OnInterval)
}

// report returns the report of the run.
func (r *proberRun) report(c Counts) *Report {
	r.sums.Unexpected = c.Unexpected
	r.sums.Duplicates, r.sums.Reordered = c.Duplicates, c.Reordered
	r.publish()
	s := &r.collector.total
	s.overflow, s.arrived = c.Overflow, c.Arrived-c.Overflow
	s.Late = min(c.Late, s.Lost)
	s.Lost -= s.Late
	return r.collector.report()
}
