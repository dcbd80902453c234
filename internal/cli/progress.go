package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// How a progress shows: after a while, and then so often.
const (
	progressAfter = 500 * time.Millisecond
	progressEvery = 200 * time.Millisecond
)

// A progress shows on a terminal how far long work has come, in one line that is written anew. nil shows
// nothing.
type progress struct {
	w     io.Writer
	begun time.Time
	timer *time.Timer

	mu       sync.Mutex
	answered int
	missed   int
	shown    bool // the line is on the screen
	stopped  bool
}

// newProgress is a progress on standard error, where that is a terminal that nothing else is written to;
// else nil.
func (a *app) newProgress() *progress {
	if !isTerminal(a.err) || isTerminal(a.out) || !a.styleFor(a.err).on {
		return nil
	}
	return startProgress(a.err)
}

func startProgress(w io.Writer) *progress {
	p := &progress{w: w, begun: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(progressAfter, p.show)
	return p
}

// line counts a line with its answer or without.
func (p *progress) line(answered bool) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if answered {
		p.answered++
	} else {
		p.missed++
	}
}

// show writes the line anew.
func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	rate := float64(p.answered+p.missed) / time.Since(p.begun).Seconds()
	text := fmt.Sprintf("%d answered", p.answered)
	if p.missed > 0 {
		text += fmt.Sprintf(", %d not", p.missed)
	}
	fmt.Fprintf(p.w, "\r%s, %.0f a second\x1b[K", text, rate)
	p.shown = true
	p.timer.Reset(progressEvery)
}

// clear takes the line away, so that another one can stand there.
func (p *progress) clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

// wipe is called with mu held.
func (p *progress) wipe() {
	if p.shown {
		io.WriteString(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// stop takes the line away for good.
func (p *progress) stop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop()
	p.wipe()
}
