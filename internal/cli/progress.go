package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	progressDelay    = 500 * time.Millisecond // before the line appears
	progressInterval = 200 * time.Millisecond // between updates
)

// A progress shows the number of processed lines on a terminal, in one line that it overwrites. A
// nil progress shows nothing.
type progress struct {
	start time.Time
	timer *time.Timer

	mu         sync.Mutex
	line       status
	answered   int
	unanswered int
	stopped    bool
}

// newProgress returns a progress on standard error. It returns nil if standard error is not a
// terminal or standard output is one, because answers appear there.
func (a *app) newProgress() *progress {
	if !isTerminal(a.err) || isTerminal(a.out) || !a.styleFor(a.err).on {
		return nil
	}
	return startProgress(a.err)
}

func startProgress(w io.Writer) *progress {
	p := &progress{line: status{w: w}, start: time.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(progressDelay, p.show)
	return p
}

// count counts a line.
func (p *progress) count(answered bool) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if answered {
		p.answered++
	} else {
		p.unanswered++
	}
}

// show writes the line and schedules the next update.
func (p *progress) show() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		return
	}
	rate := float64(p.answered+p.unanswered) / time.Since(p.start).Seconds()
	text := fmt.Sprintf("%d answered", p.answered)
	if p.unanswered > 0 {
		text += fmt.Sprintf(", %d not", p.unanswered)
	}
	p.line.show(fmt.Sprintf("%s, %.0f a second", text, rate))
	p.timer.Reset(progressInterval)
}

// clear erases the line to make room for other output. The line reappears with the next update.
func (p *progress) clear() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line.erase()
}

// stop erases the line and ends the updates.
func (p *progress) stop() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.timer.Stop()
	p.line.erase()
}
