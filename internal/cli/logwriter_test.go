package cli

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// A faultyLog has room for some bytes. If it has none, a write blocks or fails.
type faultyLog struct {
	text strings.Builder
	room int
	wait chan struct{} // if not nil, writes wait for a value
}

func (f *faultyLog) Write(b []byte) (int, error) {
	if f.wait != nil {
		<-f.wait
	}
	if len(b) > f.room {
		f.text.Write(b[:f.room])
		n := f.room
		f.room = 0
		return n, errors.New("no space left")
	}
	f.room -= len(b)
	return f.text.Write(b)
}

// TestLogWriterCountsLostLines checks that each line is either written or counted.
func TestLogWriterCountsLostLines(t *testing.T) {
	line := func(l *logWriter, text string) {
		fmt.Fprintln(l, text)
		synctest.Wait()
	}
	synctest.Test(t, func(t *testing.T) {
		f := &faultyLog{room: 8}
		l := newLogWriter(f, plainLog)
		for _, text := range []string{"one", "two and a half", "three", "four"} {
			line(l, text)
		}
		f.room = 1000
		line(l, "five")
		f.room = 12 // not enough for the number of lost lines
		line(l, "six")
		line(l, "seven")
		f.room = 0
		line(l, "eight")
		f.room = 1000
		l.close([]byte("nine\n"))
		fmt.Fprintln(l, "ten")
		const want = "one\ntwo \nohce: 3 lines of the log are lost\nfive\nsix\nseven\n" +
			"ohce: 1 lines of the log are lost\nnine\n"
		if got := f.text.String(); got != want {
			t.Errorf("the log is %q, want %q", got, want)
		}
	})
}

// TestLogWriterDoesNotBlock checks that a log that is not read bounds the memory, and keeps the
// last message.
func TestLogWriterDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &faultyLog{room: 1 << 30, wait: make(chan struct{}, 10)}
		l := newLogWriter(f, plainLog)
		text := strings.Repeat("x", 99) + "\n"
		for range 10_000 {
			fmt.Fprint(l, text)
		}
		synctest.Wait()
		if len(l.pending) > maxPendingLog {
			t.Errorf("%d bytes are pending", len(l.pending))
		}
		l.close([]byte("last\n")) // returns after the grace
		close(f.wait)
		synctest.Wait()
		lines := strings.Count(f.text.String(), text)
		lost := 0
		for line := range strings.Lines(f.text.String()) {
			var n int
			fmt.Sscanf(line, "ohce: %d lines of the log are lost", &n)
			lost += n
		}
		if lines+lost != 10_000 || lost == 0 || !strings.HasSuffix(f.text.String(), "\nlast\n") {
			t.Errorf("%d lines and %d lost ones of 10,000", lines, lost)
		}
	})
}
