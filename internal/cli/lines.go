package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
)

// mostLine is the length of the longest line that is read: no datagram carries more, on IPv6 either.
const mostLine = 65_527

// lineBuffer is what is kept of a longer one.
const lineBuffer = mostLine + len("\r\n")

// Lines are those of an input, for a stream of exchanges.
type lines struct {
	in  *bufio.Reader
	err error // why there are no more; io.EOF after the last. Read it when the stream has ended

	mu     sync.Mutex
	unsent [][]byte // yielded, and not yet asked for by sent
}

func newLines(r io.Reader) *lines {
	return &lines{in: bufio.NewReaderSize(r, lineBuffer), err: io.EOF}
}

// all yields the lines without their ends.
func (l *lines) all(yield func([]byte) bool) {
	for {
		line := readLine(l.in)
		if line.err != nil {
			l.err = line.err
			return
		}
		l.mu.Lock()
		l.unsent = append(l.unsent, line.text)
		l.mu.Unlock()
		if !yield(line.text) {
			return
		}
	}
}

// sent returns the oldest line that it has not returned yet.
func (l *lines) sent() (line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unsent) > 0 {
		line, l.unsent = l.unsent[0], l.unsent[1:]
	}
	return line
}

// A lineReader reads lines on a goroutine of its own, so that a signal ends the wait for the next
// one.
type lineReader struct {
	lines chan inputLine
}

type inputLine struct {
	text []byte
	err  error // io.EOF after the last line
}

// newLineReader begins to read. Its goroutine ends with ctx, with the input, or with the process: a
// read from a terminal cannot be taken back.
func newLineReader(ctx context.Context, r io.Reader) *lineReader {
	l := &lineReader{lines: make(chan inputLine)}
	go func() {
		in := bufio.NewReaderSize(r, lineBuffer)
		for {
			line := readLine(in)
			select {
			case l.lines <- line:
			case <-ctx.Done():
				return
			}
			if line.err != nil {
				return
			}
		}
	}()
	return l
}

// readLine reads a line without its end. The last one needs no end. Of one that no datagram carries, more
// than that is read and not kept.
func readLine(in *bufio.Reader) inputLine {
	text, err := in.ReadSlice('\n')
	text = chomp(bytes.Clone(text))
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	switch {
	case err != nil && len(text) == 0:
		return inputLine{err: err}
	default:
		return inputLine{text: text} // an error comes again with the next one
	}
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
