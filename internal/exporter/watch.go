package exporter

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/ohce/ohce/measure"
)

const (
	lateTime    = 2 * time.Second // for which late responses to a watched target are counted
	maxLateness = 32              // requests for which they are counted at the same time
	maxInFlight = 256             // requests to a watched target
	addrTime    = 30 * time.Second
)

// A Watcher sends requests to targets at fixed times without end, and counts what happens to each of
// them. The times do not depend on the responses (an open loop). Its methods are safe for concurrent
// use.
type Watcher struct {
	prober  *Prober
	metrics *watchMetrics

	mu      sync.Mutex
	running map[watchKey]*watch
}

// NewWatcher returns a Watcher that sends requests with p. It watches no target before Set.
func NewWatcher(p *Prober) *Watcher {
	return &Watcher{prober: p, metrics: newWatchMetrics(), running: make(map[watchKey]*watch)}
}

// A watchKey identifies the metrics of a target.
type watchKey struct{ target, module string }

// Set replaces the targets that w watches. A target with the same definition as before keeps its
// counters and its due times.
func (w *Watcher) Set(targets []Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	wanted := make(map[watchKey]Target)
	for _, t := range targets {
		wanted[watchKey{t.Addr, t.Module.Name}] = t
	}
	var stopped []watchKey
	for key, running := range w.running {
		if t, ok := wanted[key]; ok && running.is(t) {
			delete(wanted, key)
			continue
		}
		running.cancel()
		stopped = append(stopped, key)
	}
	for _, key := range stopped {
		w.running[key].work.Wait()
		delete(w.running, key)
		w.metrics.remove(key)
	}
	for key, t := range wanted {
		w.running[key] = w.start(key, t)
	}
}

// Close stops w.
func (w *Watcher) Close() { w.Set(nil) }

// A watch is the loop of one target.
type watch struct {
	Target
	prober *Prober
	series *watchSeries
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	inFlight int
	addr     string    // that of the last lookup
	expires  time.Time // when it is looked up again
}

// is reports whether w watches t as it is defined now.
func (w *watch) is(t Target) bool {
	return w.Interval == t.Interval && w.Module.source == t.Module.source
}

func (w *Watcher) start(key watchKey, t Target) *watch {
	ctx, cancel := context.WithCancel(context.Background())
	one := &watch{Target: t, prober: w.prober, series: w.metrics.series(key), cancel: cancel}
	one.work.Go(func() { one.run(ctx) }) // ends with ctx; Set waits for it
	return one
}

// run begins a request at each due time. The first time is random, so that the requests to many
// targets are spread.
func (w *watch) run(ctx context.Context) {
	begun := time.Now().Add(rand.N(w.Interval))
	for due := range measure.Regular(w.Interval) {
		if !sleep(ctx, time.Until(begun.Add(due))) {
			return
		}
		w.mu.Lock()
		full := w.inFlight == maxInFlight
		if !full {
			w.inFlight++
		}
		w.mu.Unlock()
		if full {
			w.series.ended(outcome{class: measure.Unsent})
			continue
		}
		w.work.Go(func() { w.request(ctx) }) // ends after Wait and lateTime, or with ctx
	}
}

// request sends a request and counts what happens to it.
func (w *watch) request(ctx context.Context) {
	o := outcome{class: measure.Unsent}
	addr, err := w.lookUp(ctx)
	if err != nil {
		w.finish(ctx, o)
		return
	}
	d := &dialog{
		prober: w.prober, module: w.Module, addr: addr, number: 1, observe: observer{ignored: w.series.ignored},
	}
	defer d.close()
	wait := w.Module.Timeout
	if w.Module.UDP.Wait > 0 {
		wait = w.Module.UDP.Wait
	}
	o = d.run(ctx, time.Now().Add(wait))
	w.finish(ctx, o)
	sleep(ctx, min(lateTime, maxLateness*w.Interval))
}

// finish counts the end of a request.
func (w *watch) finish(ctx context.Context, o outcome) {
	w.mu.Lock()
	w.inFlight--
	w.mu.Unlock()
	if ctx.Err() == nil { // otherwise the request was interrupted
		w.series.ended(o)
	}
}

// lookUp returns the address of the target. It is looked up again after addrTime.
func (w *watch) lookUp(ctx context.Context) (string, error) {
	w.mu.Lock()
	addr, expires := w.addr, w.expires
	w.mu.Unlock()
	if time.Now().Before(expires) {
		return addr, nil
	}
	to, err := w.Module.address(w.Addr)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, w.Module.Timeout)
	defer cancel()
	ip, err := w.Module.UDP.resolve(ctx, w.prober.Lookup, to.host)
	if err != nil {
		return "", err
	}
	addr = netip.AddrPortFrom(ip, to.port).String()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addr, w.expires = addr, time.Now().Add(addrTime)
	return addr, nil
}
