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
		told := func() string {
			synctest.Wait()
			p.mu.Lock()
			defer p.mu.Unlock()
			defer buf.Reset()
			return buf.String()
		}
		for range 1000 {
			p.line(true)
		}
		time.Sleep(progressAfter - 1)
		if got := told(); got != "" {
			t.Errorf("at once it says %q", got)
		}
		time.Sleep(time.Nanosecond)
		if got := told(); got != "\r1000 answered, 2000 a second\x1b[K" {
			t.Errorf("it says %q", got)
		}
		p.line(false)
		time.Sleep(progressEvery)
		if got := told(); got != "\r1000 answered, 1 not, 1430 a second\x1b[K" {
			t.Errorf("then it says %q", got)
		}
		p.clear()
		if got := told(); got != "\r\x1b[K" {
			t.Errorf("it is cleared by %q", got)
		}
		p.clear()
		p.stop()
		time.Sleep(time.Second)
		if got := told(); got != "" {
			t.Errorf("after the end it says %q", got)
		}
		var none *progress // where there is no terminal
		none.line(true)
		none.clear()
		none.stop()
	})
}
