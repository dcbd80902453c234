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

// maxLine is the maximum length of a line in bytes: the longest payload of a datagram, on IPv6.
const maxLine = 65_527

// lineBufferSize is the number of bytes that readLine holds. It returns that many of a longer line.
const lineBufferSize = maxLine + len("\r\n")

// An inputLines reads the lines of an input, for a stream of exchanges.
type inputLines struct {
	in  *bufio.Reader
	err error // why reading ended: io.EOF after the last line; valid when the stream has ended

	mu      sync.Mutex
	pending [][]byte // yielded by all, not yet returned by next
}

func newInputLines(r io.Reader) *inputLines {
	return &inputLines{in: bufio.NewReaderSize(r, lineBufferSize), err: io.EOF}
}

// all yields the lines without their line terminators.
func (l *inputLines) all(yield func([]byte) bool) {
	for {
		line := readLine(l.in)
		if line.err != nil {
			l.err = line.err
			return
		}
		l.mu.Lock()
		l.pending = append(l.pending, line.text)
		l.mu.Unlock()
		if !yield(line.text) {
			return
		}
	}
}

// next returns the oldest yielded line that it has not returned yet.
func (l *inputLines) next() (line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.pending) > 0 {
		line, l.pending = l.pending[0], l.pending[1:]
	}
	return line
}

// A lineReader reads lines on a goroutine of its own, so that a caller can stop waiting for a line.
type lineReader struct {
	lines chan inputLine
}

type inputLine struct {
	text []byte
	err  error // io.EOF after the last line
}

// newLineReader starts to read lines from r. Its goroutine ends with the input or, if it is not
// blocked in a read, with ctx; a read from a terminal cannot be interrupted.
func newLineReader(ctx context.Context, r io.Reader) *lineReader {
	l := &lineReader{lines: make(chan inputLine)}
	go func() {
		in := bufio.NewReaderSize(r, lineBufferSize)
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

// readLine reads a line and returns it without its terminator, which the last line may lack. It
// returns the first lineBufferSize bytes of a longer line and discards the rest.
func readLine(in *bufio.Reader) inputLine {
	text, err := in.ReadSlice('\n')
	text = trimTerminator(bytes.Clone(text))
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	switch {
	case err != nil && len(text) == 0:
		return inputLine{err: err}
	default:
		return inputLine{text: text} // the next call returns err again
	}
}

// next returns the next line without its terminator, or io.EOF after the last.
func (l *lineReader) next(ctx context.Context) ([]byte, error) {
	select {
	case line := <-l.lines:
		return line.text, line.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// trimTerminator removes the newline that ends a line, and on Windows a carriage return before it.
// On other systems a carriage return is text.
func trimTerminator(line []byte) []byte {
	line = bytes.TrimSuffix(line, []byte{'\n'})
	if runtime.GOOS == "windows" {
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	return line
}
