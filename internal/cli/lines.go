package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"runtime"
)

// A lineReader reads lines on a goroutine of its own, so that a signal ends the wait for the next
// one.
type lineReader struct {
	lines chan inputLine
}

type inputLine struct {
	text []byte
	err  error
}

// newLineReader begins to read. Its goroutine ends with ctx, with the input, or with the process: a
// read from a terminal cannot be taken back.
func newLineReader(ctx context.Context, r io.Reader) *lineReader {
	l := &lineReader{lines: make(chan inputLine)}
	go func() {
		in := bufio.NewReader(r)
		for {
			text, err := in.ReadBytes('\n')
			if len(text) > 0 {
				select {
				case l.lines <- inputLine{text: chomp(text)}:
				case <-ctx.Done():
					return
				}
			}
			if err != nil {
				select {
				case l.lines <- inputLine{err: err}:
				case <-ctx.Done():
				}
				return
			}
		}
	}()
	return l
}

// next returns the next line without its end, or io.EOF after the last.
func (l *lineReader) next(ctx context.Context) ([]byte, error) {
	select {
	case line := <-l.lines:
		return line.text, line.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// chomp cuts the end of a line: a newline, and on Windows what stands before it there. Elsewhere a
// carriage return is text like any other.
func chomp(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	if runtime.GOOS == "windows" {
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	return line
}
