package cli

import (
	"context"
	"io"
	"iter"
	"sync"
)

// A messageSource supplies the lines of an input to streams, one after the other. A line whose
// result a stream did not yield goes to the next stream.
type messageSource struct {
	reader *lineReader

	mu      sync.Mutex
	again   [][]byte // lines to supply again, oldest first
	pending [][]byte // supplied lines without a result, oldest first
	err     error    // why reading ended: io.EOF after the last line; nil while there can be more
}

// messages yields lines until the input ends, ctx is done or the gate closes.
func (s *messageSource) messages(ctx context.Context, g *gate) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for g.enter(ctx) {
			line, ok := s.next(ctx)
			if !ok || !yield(line) {
				return
			}
		}
	}
}

// next returns the next line and adds it to the pending ones.
func (s *messageSource) next(ctx context.Context) (line []byte, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.again) > 0 {
		line, s.again = s.again[0], s.again[1:]
		s.pending = append(s.pending, line)
		return line, true
	}
	if s.err != nil {
		return nil, false
	}
	s.mu.Unlock()
	line, err := s.reader.next(ctx)
	s.mu.Lock()
	if err != nil {
		if ctx.Err() == nil {
			s.err = err
		}
		return nil, false
	}
	s.pending = append(s.pending, line)
	return line, true
}

// finished removes the oldest pending line, whose result was yielded.
func (s *messageSource) finished() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = s.pending[1:]
}

// rewind makes the pending lines the next ones. No stream may be in progress.
func (s *messageSource) rewind() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = append(s.pending, s.again...)
	s.pending = nil
}

// ended reports whether all lines have been supplied.
func (s *messageSource) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil && len(s.again) == 0
}

// readError returns the error that ended the input early, or nil.
func (s *messageSource) readError() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == io.EOF {
		return nil
	}
	return s.err
}

// A gate limits the number of lines that are ahead of their results. A nil gate is open.
type gate struct {
	slots  chan struct{}
	opened chan struct{}
	once   sync.Once
}

func newGate(n int) *gate {
	return &gate{slots: make(chan struct{}, n), opened: make(chan struct{})}
}

// enter waits for a slot. It returns false if ctx is done.
func (g *gate) enter(ctx context.Context) bool {
	if g == nil || ctx.Err() != nil {
		return ctx.Err() == nil
	}
	select {
	case g.slots <- struct{}{}:
		return true
	case <-g.opened:
		return true
	case <-ctx.Done():
		return false
	}
}

// leave frees a slot.
func (g *gate) leave() {
	select {
	case <-g.slots:
	default:
	}
}

// open removes the limit.
func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }
