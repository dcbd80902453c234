package cli

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// flushDelay is the maximum time that a flushWriter holds output.
const flushDelay = 5 * time.Millisecond

// A flushWriter buffers output, which combines many small writes, and flushes it after flushDelay
// at the latest. Write or close returns the error of an earlier flush.
type flushWriter struct {
	mu    sync.Mutex
	w     *bufio.Writer
	timer *time.Timer
	armed bool // the timer is running
}

func newFlushWriter(w io.Writer) *flushWriter {
	p := &flushWriter{w: bufio.NewWriterSize(w, 1<<16)}
	p.timer = time.AfterFunc(time.Hour, p.flush)
	p.timer.Stop()
	return p
}

func (p *flushWriter) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.armed {
		p.armed = true
		p.timer.Reset(flushDelay)
	}
	return p.w.Write(b)
}

func (p *flushWriter) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = false
	p.w.Flush() // bufio returns its error from the next Write
}

// close flushes the buffer and stops the timer.
func (p *flushWriter) close() error {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.w.Flush()
}
