package cli

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

// The limits of an autoStream for lines that it has read and whose results it has not yielded.
const (
	maxHeldLines = 1 << 14
	maxHeldBytes = 64 << 20
)

// An autoStream sends lines to a server whose transform it does not know. It has two streams:
//
//   - In the first one each line has a socket of its own, and any response is accepted. The detector
//     compares these responses with the transforms.
//   - Once the detector has decided, the following lines share the socket of the second stream, which
//     accepts only the expected responses.
//
// A line without the expected response moves to the first stream, unless the server is silent. If
// the server sends only unexpected responses, all lines of the second stream move. So each line gets
// a response that the server sent to that line.
type autoStream struct {
	s        *sender
	ctx      context.Context // of the streams
	in       *inputLines
	changed  func(line int, from flip.Transform)
	detector *detector
	round    int // of the detection; responses to lines of earlier rounds are no evidence
	outcomes chan streamOutcome
	running  sync.WaitGroup // the streams
	ended    bool           // there are no more lines to read

	order   []*autoLine // lines whose results have not been yielded, oldest first
	waiting []*autoLine // those lines of order that are in no stream, oldest first
	held    int         // the size of order, in bytes
	index   int         // of the next line to read
	single  *lineStream // with a socket for each line; nil before the first one
	shared  *lineStream // with a socket for all lines; nil without an expectation
}

// newAutoStream returns a stream of the lines of in. It calls changed when the response to a line
// contradicts the transform that the detector had decided on.
func (s *sender) newAutoStream(in *inputLines, changed func(line int, from flip.Transform),
) *autoStream {
	return &autoStream{
		s: s, in: in, changed: changed, detector: newDetector(s.flags.graphemes),
		outcomes: make(chan streamOutcome, 64),
	}
}

// results yields the results in the order of the lines, as ohce.Client.Stream does.
func (a *autoStream) results(ctx context.Context) iter.Seq2[ohce.Result, error] {
	return func(yield func(ohce.Result, error) bool) {
		var cancel context.CancelFunc
		a.ctx, cancel = context.WithCancel(ctx)
		defer a.running.Wait()
		defer cancel()
		if err := a.run(yield); err != nil {
			yield(ohce.Result{}, err)
		}
	}
}

// run yields the results. It returns nil after the last one, or when yield returns false.
func (a *autoStream) run(yield func(ohce.Result, error) bool) error {
	for {
		if !a.deliver(yield) || a.ended && len(a.order) == 0 {
			return nil
		}
		a.send()
		var batches chan []inputLine
		if !a.ended && len(a.waiting) == 0 && len(a.order) < maxHeldLines && a.held < maxHeldBytes {
			batches = a.in.reader.batches
		}
		var tripped chan struct{}
		if a.shared != nil {
			tripped = a.shared.monitor.tripped
		}
		select {
		case batch := <-batches:
			a.take(batch)
		case o := <-a.outcomes:
			if err := a.settle(o); err != nil {
				return err
			}
		case <-tripped:
			a.round++
			a.detector.doubt()
			a.abandonShared()
		case <-a.ctx.Done():
			return a.ctx.Err()
		}
	}
}

// deliver yields the results of the oldest lines. It returns false if yield does.
func (a *autoStream) deliver(yield func(ohce.Result, error) bool) bool {
	for len(a.order) > 0 && a.order[0].done {
		line := a.order[0]
		a.order[0] = nil
		a.order = a.order[1:]
		a.held -= line.size()
		if !yield(line.result, nil) {
			return false
		}
	}
	return true
}

// take adds lines that have been read.
func (a *autoStream) take(batch []inputLine) {
	for _, read := range batch {
		if read.err != nil {
			a.in.err, a.ended = read.err, true
			return
		}
		line := &autoLine{text: read.text, result: ohce.Result{Index: a.index, Request: read.text}}
		a.index++
		a.held += line.size()
		a.order = append(a.order, line)
		a.waiting = append(a.waiting, line)
	}
}

// settle handles an outcome of a stream. An error ends the autoStream.
func (a *autoStream) settle(o streamOutcome) error {
	switch {
	case o.stream != a.single && o.stream != a.shared: // its lines have moved
	case o.err != nil:
		return o.err
	case o.stream == a.single:
		a.settleSingle(o.stream.pop(), o.result)
	default:
		a.settleShared(o.stream.pop(), o.result)
	}
	return nil
}

// settleSingle handles the result of a line with a socket of its own. Results arrive in the order of
// the lines, so a response to a line of an earlier round can be older than the response that ended the
// round.
func (a *autoStream) settleSingle(line *autoLine, r ohce.Result) {
	if r.Err != nil || line.round != a.round {
		a.detector.skip()
	} else if !a.detector.observe(line.text, r.Response.Data) {
		a.round++
		a.changed(line.result.Index+1, a.detector.previous)
		a.abandonShared()
	}
	a.end(line, r)
}

// settleShared handles the result of a line on the shared socket. If the line has no response, but
// the server sent other datagrams during its exchange, the line moves to a socket of its own.
func (a *autoStream) settleShared(line *autoLine, r ohce.Result) {
	heard := a.shared.monitor.ended()
	late := r.Err != nil || r.Response.Attempts > 1
	a.shared.collisions.remove(time.Now(), line.hashes, late)
	if !errors.Is(r.Err, ohce.ErrServerDown) || heard == line.heard {
		a.end(line, r)
		return
	}
	if op := new(ohce.OpError); errors.As(r.Err, &op) {
		line.attempts += op.Attempts
	}
	line.moved = true
	if heard.ignored > line.heard.ignored {
		a.detector.doubt()
	}
	a.sendSingle(line)
}

// end sets the result of a line.
func (a *autoStream) end(line *autoLine, r ohce.Result) {
	a.held -= line.size()
	line.end(r, time.Now())
	a.held += line.size()
}
