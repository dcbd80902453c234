package exporter

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce/measure"
)

// Probe probes a target once, within timeout. It takes up to Module.UDP.Linger longer, and it ends
// when ctx is done. The target must be an address for the module; see [Module.CheckTarget].
func (p *Prober) Probe(ctx context.Context, m *Module, target string, timeout time.Duration) *Result {
	r := &Result{Module: m, Target: target, Begun: time.Now()}
	to, err := m.address(target)
	if err == nil {
		r.note("probe of %s with module %s, timeout %v", target, m.Name, timeout.Round(time.Millisecond))
		err = p.lookUp(ctx, r, to.host, timeout)
	}
	if err != nil {
		r.note("lookup of %s failed: %v", target, rootCause(err))
		r.requests[measure.Unsent] = m.UDP.Count
		r.Duration = time.Since(r.Begun)
		return r
	}
	r.note("address %v, after %v", r.Addr, r.Lookup)
	p.converse(ctx, r, netip.AddrPortFrom(r.Addr, to.port).String(), r.Begun.Add(timeout))
	return r
}

// CheckTarget returns nil if target is an address that the module can probe.
func (m *Module) CheckTarget(target string) error {
	_, err := m.address(target)
	return err
}

// lookUp sets the address of a result.
func (p *Prober) lookUp(ctx context.Context, r *Result, host string, timeout time.Duration) (err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r.Addr, err = r.Module.UDP.resolve(ctx, p.Lookup, host)
	r.Lookup = time.Since(r.Begun)
	return err
}

// converse sends the requests of a probe at their due times, and adds what happens to them to r.
func (p *Prober) converse(ctx context.Context, r *Result, addr string, end time.Time) {
	u := &r.Module.UDP
	dialogs := make([]*dialog, u.Count)
	outcomes := make([]outcome, u.Count)
	observe := observer{ignored: r.ignore, trace: r.trace, note: r.note}
	run := func(i int) {
		dialogs[i] = &dialog{prober: p, module: r.Module, addr: addr, number: i + 1, observe: observe}
		until := end
		if u.Wait > 0 && time.Now().Add(u.Wait).Before(end) {
			until = time.Now().Add(u.Wait)
		}
		outcomes[i] = dialogs[i].run(ctx, until)
	}
	begun, sent := time.Now(), 0
	var work sync.WaitGroup
	for due := range measure.Limit(measure.Regular(u.Interval), u.Count, 0) {
		if !sleep(ctx, time.Until(begun.Add(due))) {
			break
		}
		i := sent
		if sent++; u.Count == 1 {
			run(i)
		} else {
			work.Go(func() { run(i) }) // ends at the time end; Wait waits for it
		}
	}
	work.Wait()
	r.Duration = time.Since(r.Begun)
	for i, o := range outcomes[:sent] {
		r.add(i+1, o)
	}
	r.requests[measure.Unsent] += u.Count - sent
	if r.Success {
		sleep(ctx, u.Linger)
	}
	for _, d := range dialogs[:sent] {
		d.close()
	}
	r.note("%d of %d requests answered", r.requests[measure.Answered], u.Count)
}

// sleep waits for d. It returns false if ctx is done.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
