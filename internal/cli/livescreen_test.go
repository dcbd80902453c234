package cli

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A lockedBuffer collects output of other goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(data)
}

// take returns the output since the last call.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buf.Reset()
	return b.buf.String()
}

// TestLiveScreen checks the redraws: at once, at most every redrawInterval, only after a change of
// the state or the size, and none after the end.
func TestLiveScreen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf lockedBuffer
		written := func() string { // since the last call
			synctest.Wait()
			return buf.take()
		}
		var width, height atomic.Int64
		width.Store(10)
		height.Store(3)
		n := 0
		size := func() (int, int) { return int(width.Load()), int(height.Load()) }
		s := startLive(&buf, size, func(w, h int) []string {
			return []string{fmt.Sprintf("%dx%d", w, h), fmt.Sprint(n)}
		})
		frame := func(first, second string) string {
			return "\x1b[H\x1b[K" + first + "\r\n\x1b[K" + second + "\r\n\x1b[J"
		}
		check := func(what, want string) {
			t.Helper()
			if got := written(); got != want {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		check("at once", enterScreen+frame("10x3", "0"))
		for range 1000 {
			s.update(func() { n++ })
		}
		time.Sleep(redrawInterval - 1)
		check("before the interval", "")
		time.Sleep(time.Nanosecond)
		check("after the interval", frame("10x3", "1000"))
		time.Sleep(time.Minute)
		check("without a change", "")
		width.Store(20)
		height.Store(2)
		time.Sleep(redrawInterval)
		check("another size", "\x1b[H\x1b[K20x2\r\n\x1b[K1000") // the view fills the screen
		s.update(func() { n = 1 })
		if err := errors.Join(s.stop(), s.stop()); err != nil {
			t.Error(err)
		}
		check("at the end", leaveScreen)
	})
}

// A failedWriter fails at the n-th write.
type failedWriter struct{ n int }

func (w *failedWriter) Write(b []byte) (int, error) {
	if w.n--; w.n < 0 {
		return 0, errors.New("closed")
	}
	return len(b), nil
}

// After a failed write, a screen draws nothing, and its state can still change.
func TestLiveScreenFails(t *testing.T) {
	for n := range 4 {
		synctest.Test(t, func(t *testing.T) {
			draws := 0
			s := startLive(&failedWriter{n: n}, func() (int, int) { return 80, 24 }, func(int, int) []string {
				draws++
				return []string{strings.Repeat("x", draws)}
			})
			time.Sleep(10 * time.Second)
			s.update(func() {})
			if err := s.stop(); err == nil || draws > n {
				t.Errorf("%v after %d draws, %d writes", err, draws, n)
			}
		})
	}
	var none *liveScreen
	called := false
	none.update(func() { called = true })
	if err := none.stop(); err != nil || !called {
		t.Errorf("without a screen: %v, called %v", err, called)
	}
}
