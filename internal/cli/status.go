package cli

import (
	"fmt"
	"io"
)

// A status is a line on a terminal that says what the command is doing. Each text replaces the
// previous one. A nil status shows nothing. A status must not be used concurrently.
type status struct {
	w       io.Writer
	visible bool // the line is on the screen
}

// newStatus returns a status on standard error, or nil if that is not a terminal.
func (a *app) newStatus() *status {
	if !a.styleFor(a.err).on {
		return nil
	}
	return &status{w: a.err}
}

// show replaces the line.
func (s *status) show(text string) {
	if s != nil {
		fmt.Fprintf(s.w, "\r%s\x1b[K", text)
		s.visible = true
	}
}

// erase erases the line. The next text shows it again.
func (s *status) erase() {
	if s != nil && s.visible {
		io.WriteString(s.w, "\r\x1b[K")
		s.visible = false
	}
}
