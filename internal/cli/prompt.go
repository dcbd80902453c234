package cli

import (
	"bufio"
	"io"
	"sync"
	"time"
)

// promptly is how long output may wait for more.
const promptly = 5 * time.Millisecond

// A promptWriter collects output, so that many small writes become few, but keeps none for longer than
// promptly. An error comes with the next write, or with close.
type promptWriter struct {
	mu    sync.Mutex
	w     *bufio.Writer
	timer *time.Timer
	armed bool
}

func newPromptWriter(w io.Writer) *promptWriter {
	p := &promptWriter{w: bufio.NewWriterSize(w, 1<<16)}
	p.timer = time.AfterFunc(time.Hour, p.flush)
	p.timer.Stop()
	return p
}

func (p *promptWriter) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.armed {
		p.armed = true
		p.timer.Reset(promptly)
	}
	return p.w.Write(b)
}

func (p *promptWriter) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = false
	p.w.Flush() // its error stays, for the next Write
}

// close writes what is left.
func (p *promptWriter) close() error {
	p.timer.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.w.Flush()
}
