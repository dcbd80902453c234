package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
)

// maxLine is the maximum length of a line in bytes: the longest payload of a datagram, on IPv6.
const maxLine = 65_527

// lineBufferSize is the number of bytes that readLine holds. It returns that many of a longer line.
const lineBufferSize = maxLine + len("\r\n")

// An inputLines yields the lines of an input, for a stream of exchanges.
type inputLines struct {
	ctx    context.Context
	reader *lineReader
	err    error // why reading ended, io.EOF after the last line; valid when the stream has ended
}

func newInputLines(ctx context.Context, r *lineReader) *inputLines {
	return &inputLines{ctx: ctx, reader: r, err: io.EOF}
}

// all yields the lines without their terminators. It returns when ctx is done.
func (l *inputLines) all(yield func([]byte) bool) {
	for {
		text, err := l.reader.next(l.ctx)
		if err != nil {
			l.err = err
			return
		}
		if !yield(text) {
			return
		}
	}
}

// A lineReader reads lines on a goroutine of its own, so that a caller can stop waiting for a line.
type lineReader struct {
	batches chan []inputLine
	batch   []inputLine // received and not returned yet
}

type inputLine struct {
	text []byte
	err  error // io.EOF after the last line
}

// maxLineBatch is the number of lines that a lineReader passes on at once, if they are buffered.
const maxLineBatch = 256

// newLineReader starts to read lines from r. With keepCR, it returns the carriage return that ends a
// line. Its goroutine ends with the input or, if it is not blocked in a read, with ctx; a read from a
// terminal cannot be interrupted.
func newLineReader(ctx context.Context, r io.Reader, keepCR bool) *lineReader {
	l := &lineReader{batches: make(chan []inputLine, 1)}
	go func() {
		in := bufio.NewReaderSize(r, lineBufferSize)
		for ended := false; !ended; {
			batch := readBatch(in, keepCR)
			ended = batch[len(batch)-1].err != nil
			select {
			case l.batches <- batch:
			case <-ctx.Done():
				return
			}
		}
	}()
	return l
}

// readBatch reads a line and those behind it that are buffered. An error is in the last one.
func readBatch(in *bufio.Reader, keepCR bool) (batch []inputLine) {
	for {
		line := readLine(in, keepCR)
		batch = append(batch, line)
		if line.err != nil || len(batch) == maxLineBatch || !hasLine(in) {
			return batch
		}
	}
}

// hasLine reports whether a whole line is buffered.
func hasLine(in *bufio.Reader) bool {
	buffered, _ := in.Peek(in.Buffered())
	return bytes.IndexByte(buffered, '\n') >= 0
}

// readLine reads a line and returns it without its terminator, which the last line may lack. It
// returns the first lineBufferSize bytes of a longer line and discards the rest.
func readLine(in *bufio.Reader, keepCR bool) inputLine {
	text, err := in.ReadSlice('\n')
	text = trimTerminator(bytes.Clone(text), keepCR)
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
	if len(l.batch) == 0 {
		select {
		case l.batch = <-l.batches:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	line := l.batch[0]
	if line.err == nil { // an error stays
		l.batch = l.batch[1:]
	}
	return line.text, line.err
}

// trimTerminator removes the newline that ends a line and, unless keepCR is set, a carriage return
// before it.
func trimTerminator(line []byte, keepCR bool) []byte {
	line, found := bytes.CutSuffix(line, []byte{'\n'})
	if found && !keepCR {
		line = bytes.TrimSuffix(line, []byte{'\r'})
	}
	return line
}
