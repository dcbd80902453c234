package cli

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// maxPendingLog is the maximum number of bytes that wait to be written to a log.
const maxPendingLog = 64 << 10

// A logWriter writes to another writer on a goroutine of its own, so that a message never delays
// the caller: not if the reader of the log stalls, and not if its disk is full. It then discards
// messages, and writes their number as soon as the log can be written again.
type logWriter struct {
	w      io.Writer
	format logFormat     // of the lines of Write
	wake   chan struct{} // has room for one value
	done   chan struct{} // closed when run has ended

	mu      sync.Mutex
	pending []byte
	lost    int  // discarded lines that the log does not mention
	closed  bool // run ends when pending is empty
	partial bool // the log ends within a line
}

// newLogWriter returns a logWriter and starts its goroutine, which close ends.
func newLogWriter(w io.Writer, format logFormat) *logWriter {
	l := &logWriter{w: w, format: format, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run() // ends with close, or with the process if the writer blocks
	return l
}

// Write queues a message of one or more lines, or discards it. It returns no error.
func (l *logWriter) Write(message []byte) (int, error) {
	l.queue(l.format.records(message))
	return len(message), nil
}

// logger returns a logger whose records are queued in the format of l.
func (l *logWriter) logger() *slog.Logger { return slog.New(l.format.handler(recordWriter{l})) }

// A recordWriter queues lines that are already in the format of the log.
type recordWriter struct{ l *logWriter }

func (w recordWriter) Write(record []byte) (int, error) {
	w.l.queue(record)
	return len(record), nil
}

func (l *logWriter) queue(message []byte) {
	l.mu.Lock()
	if !l.closed && len(l.pending)+len(message) <= maxPendingLog {
		l.pending = append(l.pending, message...)
	} else {
		l.lost += bytes.Count(message, []byte{'\n'})
	}
	l.mu.Unlock()
	l.notify()
}

func (l *logWriter) notify() {
	select {
	case l.wake <- struct{}{}:
	default: // run has not yet seen the last call
	}
}

// close queues a last message, which is in the format of the log, however much is pending, and waits until everything has been
// written, for logGrace at most.
func (l *logWriter) close(last []byte) {
	l.mu.Lock()
	if !l.closed {
		l.pending = append(l.pending, last...)
		l.closed = true
	}
	l.mu.Unlock()
	l.notify()
	runWithGrace(func() { <-l.done })
}

func (l *logWriter) run() {
	defer close(l.done)
	for range l.wake {
		c, closed := l.take()
		if n, err := l.w.Write(c.text); err != nil {
			l.failed(c, n)
		}
		if closed {
			return
		}
	}
}

// A logChunk is a part of the log: a header that says how many lines were lost before, and lines.
type logChunk struct {
	text    []byte
	header  int  // length of the header, or 0
	lost    int  // number in the header
	partial bool // the header ends a line before it
}

// take returns the pending lines, and reports whether they are the last ones.
func (l *logWriter) take() (c logChunk, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.partial = l.partial; c.partial {
		c.text = append(c.text, '\n')
	}
	if l.lost > 0 {
		lost := fmt.Sprintf("ohce: %d lines of the log are lost\n", l.lost)
		c.text = append(c.text, l.format.records([]byte(lost))...)
	}
	c.header, c.lost = len(c.text), l.lost
	c.text = append(c.text, l.pending...)
	l.pending, l.lost, l.partial = l.pending[:0], 0, false
	return c, l.closed
}

// failed counts the lines of a chunk of which only the first n bytes have been written.
func (l *logWriter) failed(c logChunk, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < c.header {
		l.lost += c.lost
	}
	l.lost += bytes.Count(c.text[max(n, c.header):], []byte{'\n'})
	l.partial = n > 0 && c.text[n-1] != '\n' || n == 0 && c.partial
}
