package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columnsOf returns the width of a terminal, or 0 if w is not a terminal.
func columnsOf(w io.Writer) int {
	if !isTerminal(w) {
		return 0
	}
	columns, _, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// The size of a terminal that does not report one.
const defaultColumns, defaultRows = 80, 24

// sizeOf returns the size of a terminal.
func sizeOf(w io.Writer) (columns, rows int) {
	if isTerminal(w) {
		columns, rows, _ = term.GetSize(int(w.(*os.File).Fd()))
	}
	if columns <= 0 || rows <= 0 {
		return defaultColumns, defaultRows
	}
	return columns, rows
}

// A style adds colour to text. The zero value returns text unchanged.
type style struct{ on bool }

// styleFor returns the style for w. It adds colour if w is a terminal and NO_COLOR is unset or
// empty (no-color.org).
func (a *app) styleFor(w io.Writer) style {
	no, _ := a.lookupEnv("NO_COLOR")
	dumb, _ := a.lookupEnv("TERM")
	return style{on: no == "" && dumb != "dumb" && isTerminal(w)}
}

func (s style) bold(text string) string   { return s.mark("1", text) }
func (s style) faint(text string) string  { return s.mark("2", text) }
func (s style) red(text string) string    { return s.mark("1;31", text) }
func (s style) green(text string) string  { return s.mark("32", text) }
func (s style) yellow(text string) string { return s.mark("33", text) }

func (s style) mark(code, text string) string {
	if !s.on {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
