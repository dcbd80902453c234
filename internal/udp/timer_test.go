package udp

import (
	"errors"
	"net"
	"slices"
	"testing"
	"time"
)

// forEachTimer runs f with each implementation of Timer: that of the system, and that of the
// runtime.
func forEachTimer(t *testing.T, f func(t *testing.T, a Timer)) {
	for _, a := range []struct {
		name string
		make func() Timer
	}{{"system", NewTimer}, {"runtime", func() Timer { return newRuntimeTimer() }}} {
		t.Run(a.name, func(t *testing.T) {
			timer := a.make()
			timeout := time.AfterFunc(testTimeout, func() { timer.Close() })
			defer timeout.Stop()
			defer timer.Close()
			f(t, timer)
		})
	}
}

func TestTimer(t *testing.T) {
	forEachTimer(t, func(t *testing.T, a Timer) {
		for _, d := range []time.Duration{5 * time.Millisecond, 200 * time.Microsecond, 0, -time.Second} {
			begun := time.Now()
			a.Set(d)
			if err := a.Wait(); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took < d || took > d+2*time.Second {
				t.Errorf("timer set to %v expired after %v", d, took)
			}
		}
	})
}

// TestTimerReset checks that Set replaces an earlier time, also during Wait.
func TestTimerReset(t *testing.T) {
	forEachTimer(t, func(t *testing.T, a Timer) {
		begun := time.Now()
		a.Set(time.Millisecond)
		a.Set(30 * time.Millisecond)
		if err := a.Wait(); err != nil || time.Since(begun) < 30*time.Millisecond {
			t.Errorf("Wait = %v after %v, want nil after 30ms", err, time.Since(begun))
		}
		a.Set(time.Hour)
		woken := make(chan error)
		go func() { woken <- a.Wait() }()
		a.Set(time.Millisecond)
		if err := <-woken; err != nil {
			t.Error(err)
		}
	})
}

func TestTimerClose(t *testing.T) {
	forEachTimer(t, func(t *testing.T, a Timer) {
		a.Set(time.Hour)
		woken := make(chan error)
		go func() { woken <- a.Wait() }()
		a.Close()
		if err := <-woken; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Wait during Close = %v, want net.ErrClosed", err)
		}
		a.Set(0) // has no effect
		if err := a.Wait(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Wait after Close = %v, want net.ErrClosed", err)
		}
	})
}

// BenchmarkTimer measures how late a Timer expires.
func BenchmarkTimer(b *testing.B) {
	for _, timer := range []struct {
		name string
		make func() Timer
	}{{"system", NewTimer}, {"runtime", func() Timer { return newRuntimeTimer() }}} {
		b.Run(timer.name, func(b *testing.B) {
			const d = 500 * time.Microsecond
			a := timer.make()
			defer a.Close()
			var late []time.Duration
			for b.Loop() {
				begun := time.Now()
				a.Set(d)
				if err := a.Wait(); err != nil {
					b.Fatal(err)
				}
				late = append(late, time.Since(begun)-d)
			}
			slices.Sort(late)
			b.ReportMetric(float64(late[len(late)/2].Microseconds()), "µs-late")
			b.ReportMetric(float64(late[len(late)*99/100].Microseconds()), "µs-late-p99")
		})
	}
}
