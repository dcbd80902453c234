package cli

import (
	"context"
	"iter"

	"github.com/ohce/ohce"
)

// A lineStream is a stream of exchanges to which an autoStream adds lines one by one. Its results have
// the order of the lines.
type lineStream struct {
	requests chan []byte
	lines    []*autoLine // without a result, oldest first
	cancel   context.CancelFunc

	// nil without an expectation:
	monitor    *mismatchMonitor
	collisions *collisions
}

// A streamOutcome is a result of a stream, or the error that ended the stream.
type streamOutcome struct {
	stream *lineStream
	result ohce.Result
	err    error
}

// newLineStream returns a stream without lines.
func newLineStream() *lineStream {
	// The channel has room for all lines of an autoStream, so put does not block.
	return &lineStream{requests: make(chan []byte, maxHeldLines+maxLineBatch)}
}

// put adds a line.
func (l *lineStream) put(line *autoLine) {
	l.lines = append(l.lines, line)
	l.requests <- line.text
}

// pop removes and returns the oldest line. The next result belongs to it.
func (l *lineStream) pop() *autoLine {
	line := l.lines[0]
	l.lines[0] = nil
	l.lines = l.lines[1:]
	return line
}

// all yields the texts of the lines until ctx is done.
func (l *lineStream) all(ctx context.Context) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for {
			select {
			case text := <-l.requests:
				if !yield(text) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// run sends the lines on a connection and each result to outcomes, until ctx is done.
func (l *lineStream) run(ctx context.Context, c *connection, outcomes chan<- streamOutcome) {
	for r, err := range c.stream(ctx, l.all(ctx)) {
		select {
		case outcomes <- streamOutcome{l, r, err}:
		case <-ctx.Done():
			return
		}
	}
}
