package cli

import (
	"errors"
	"io"
	"strings"
	"sync"
	"time"
)

// redrawInterval is the time between two redraws of a liveScreen.
const redrawInterval = 100 * time.Millisecond

// The control sequences of a liveScreen (xterm, "XTerm Control Sequences"). The alternate screen
// keeps the earlier output of the terminal.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l" // alternate screen, no cursor, no line wrap
	leaveScreen = "\x1b[?7h\x1b[?25h\x1b[?1049l"
	cursorHome  = "\x1b[H"
	eraseLine   = "\x1b[K" // from the cursor
	eraseBelow  = "\x1b[J"
)

// A liveScreen redraws a view on a terminal until it is stopped. A nil liveScreen draws nothing.
type liveScreen struct {
	w    io.Writer
	size func() (columns, rows int)
	draw func(width, height int) []string // called with mu held
	end  chan struct{}
	done chan struct{}
	once sync.Once

	mu  sync.Mutex // guards the state that draw reads
	err error      // of a write; the goroutine owns it until done is closed
}

// startLive takes the terminal w over and draws a view at once and every redrawInterval. It asks size
// each time, so that a view follows the changes of the terminal. The caller must call stop.
func startLive(w io.Writer, size func() (int, int), draw func(int, int) []string) *liveScreen {
	s := &liveScreen{
		w: w, size: size, draw: draw, end: make(chan struct{}), done: make(chan struct{}),
	}
	go s.run() // ends with stop, which waits for it, or with a failed write
	return s
}

// run draws the view until the end. It writes nothing if the view has not changed.
func (s *liveScreen) run() {
	defer close(s.done)
	tick := time.NewTicker(redrawInterval)
	defer tick.Stop()
	last := ""
	_, s.err = io.WriteString(s.w, enterScreen)
	for s.err == nil {
		if text := s.frame(); text != last {
			_, s.err = io.WriteString(s.w, text)
			last = text
		}
		select {
		case <-tick.C:
		case <-s.end:
			return
		}
	}
}

// frame returns the text that draws the view.
func (s *liveScreen) frame() string {
	width, height := s.size()
	s.mu.Lock()
	lines := s.draw(width, height)
	s.mu.Unlock()
	text := cursorHome + eraseLine + strings.Join(lines, "\r\n"+eraseLine)
	if len(lines) < height {
		text += "\r\n" + eraseBelow
	}
	return text
}

// update changes the state of the view. f must not block.
func (s *liveScreen) update(f func()) {
	if s == nil {
		f()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// stop restores the terminal. It returns the error of a write.
func (s *liveScreen) stop() error {
	if s == nil {
		return nil
	}
	s.once.Do(func() {
		close(s.end)
		<-s.done
		_, err := io.WriteString(s.w, leaveScreen)
		s.err = errors.Join(s.err, err)
	})
	return s.err
}
