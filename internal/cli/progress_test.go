package cli

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		p := startProgress(&buf)
		written := func() string {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			defer buf.Reset()
			return buf.String()
		}
		for range 1000 {
			p.count(true)
		}
		time.Sleep(progressDelay - 1)
		if got := written(); got != "" {
			t.Errorf("at once it writes %q", got)
		}
		time.Sleep(time.Nanosecond)
		if got := written(); got != "\r1000 answered, 2000 a second\x1b[K" {
			t.Errorf("it writes %q", got)
		}
		p.count(false)
		time.Sleep(progressInterval)
		if got := written(); got != "\r1000 answered, 1 not, 1430 a second\x1b[K" {
			t.Errorf("then it writes %q", got)
		}
		p.clear()
		if got := written(); got != "\r\x1b[K" {
			t.Errorf("it is cleared by %q", got)
		}
		p.clear()
		p.stop()
		time.Sleep(time.Second)
		if got := written(); got != "" {
			t.Errorf("after the end it writes %q", got)
		}
		var none *progress // where there is no terminal
		none.count(true)
		none.clear()
		none.stop()
	})
}
