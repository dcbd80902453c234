package exporter

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ohce/ohce/internal/testsize"
)

// watched returns the metrics of the only target of a watcher: the counters by their label result or
// reason, and the count and the sum of the histogram as rtt and seconds.
func watched(t *testing.T, w *Watcher) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(w.metrics)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "result" || l.GetName() == "reason" {
					all[l.GetValue()] = m.GetCounter().GetValue()
				}
			}
			if h := m.GetHistogram(); h != nil {
				all["rtt"], all["seconds"] = float64(h.GetSampleCount()), h.GetSampleSum()
			}
		}
	}
	return all
}

// target returns a watched target.
func target(t *testing.T, udp string, interval time.Duration) Target {
	t.Helper()
	return Target{Addr: serverAddr, Module: module(t, udp), Interval: interval}
}

// TestWatch watches a target for ten minutes, or for an hour in its full form. The network loses one
// request of a thousand. It delays a response of a thousand beyond the wait, doubles another one and
// changes none.
func TestWatch(t *testing.T) {
	thousands := testsize.Pick(36, 6)
	n := float64(thousands)
	inBubble(t, func(n int, request bool) []time.Duration {
		switch {
		case request && n%1000 == 0:
			return nil
		case !request && n%1000 == 500:
			return []time.Duration{300 * ms}
		case !request && n%1000 == 600:
			return []time.Duration{ms, 2 * ms}
		default:
			return []time.Duration{ms}
		}
	}, func(t *testing.T, w *world) {
		watcher := NewWatcher(w.prober)
		defer watcher.Close()
		watcher.Set([]Target{target(t, ping+", wait: 200ms", 100*ms)})
		time.Sleep(time.Duration(thousands) * 1000 * 100 * ms)
		time.Sleep(50 * ms) // the response to a request that was due at the end
		got := watched(t, watcher)
		if got["lost"] != 2*n-1 || got["late"] != n || got["duplicate"] != n || got["unexpected"] != 0 ||
			math.Abs(got["answered"]-998*n) > 2 || got["rtt"] != got["answered"] ||
			math.Abs(got["seconds"]-0.002*got["rtt"]) > 1e-6 {
			t.Errorf("the metrics are %v", got)
		}
	})
}

// TestWatchSet changes the targets. One that does not change keeps its counters.
func TestWatchSet(t *testing.T) {
	inBubble(t, direct, func(t *testing.T, w *world) {
		watcher := NewWatcher(w.prober)
		defer watcher.Close()
		count := func() float64 { return watched(t, watcher)["answered"] }
		watcher.Set([]Target{target(t, ping, time.Second)})
		time.Sleep(10*time.Second + 500*ms)
		watcher.Set([]Target{target(t, ping, time.Second)})
		time.Sleep(10 * time.Second)
		if n := count(); n < 19 || n > 21 {
			t.Errorf("%v requests in 20 s", n)
		}
		watcher.Set([]Target{target(t, ping, 100*ms)})
		time.Sleep(2*time.Second + 50*ms)
		if n := count(); n < 19 || n > 21 {
			t.Errorf("%v requests in 2 s", n)
		}
		watcher.Set(nil)
		synctest.Wait()
		if got := watched(t, watcher); len(got) > 0 {
			t.Errorf("the metrics of no target are %v", got)
		}
	})
}

// A target that does not answer limits the requests in flight.
func TestWatchLimit(t *testing.T) {
	inBubble(t, func(int, bool) []time.Duration { return nil }, func(t *testing.T, w *world) {
		watcher := NewWatcher(w.prober)
		defer watcher.Close()
		watcher.Set([]Target{{Addr: serverAddr, Interval: 10 * ms,
			Module: parse(t, "modules: {m: {prober: udp, timeout: 10s, udp: {"+ping+"}}}").Modules["m"]}})
		time.Sleep(5*time.Second + 10*ms)
		if got := watched(t, watcher); got["unsent"] == 0 || w.Stats().Sent != maxInFlight {
			t.Errorf("%d datagrams are sent, and the metrics are %v", w.Stats().Sent, got)
		}
	})
}
