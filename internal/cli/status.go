package cli

import (
	"fmt"
	"io"
)

// A status shows on a terminal what the command does at the moment, in one line that it overwrites. A
// nil status shows nothing. A status must not be used concurrently.
type status struct {
	w       io.Writer
	visible bool
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

// stop erases the line.
func (s *status) stop() {
	if s != nil && s.visible {
		io.WriteString(s.w, "\r\x1b[K")
		s.visible = false
	}
}
