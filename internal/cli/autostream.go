package cli

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

const (
	// maxUndecided is the number of lines in flight while the transform of the server is unknown.
	// The lines in flight have a socket each, and end before those of the shared socket begin.
	maxUndecided = 16
	// maxTries is the number of responses after which lines are no longer held back, although
	// several transforms still fit.
	maxTries = 64

	// changeDelay is how long the server must have sent only unexpected datagrams before it counts
	// as changed, and changeInterval the time between two checks.
	changeDelay    = 200 * time.Millisecond
	changeInterval = 50 * time.Millisecond

	// maxFallbacks is the number of consecutive exchanges without a response after which an
	// unanswered line is not sent again on a socket of its own.
	maxFallbacks = 3
)

// errChanged is the cause that ends a stream when the server has changed its transform.
var errChanged = errors.New("the server has changed its transform")

// An autoStream sends lines without knowing what the server responds. It sends the first lines on a
// socket each and compares their responses with the transforms of package flip. When exactly one
// fits, the following lines share a socket, and each response finds its line by its text. If the
// responses no longer fit, it starts again with the lines that have no response.
type autoStream struct {
	source    *messageSource
	any       *connection                      // accepts any response
	expect    func(flip.Transform) *connection // accepts the responses of a transform
	graphemes bool
	changed   func(line int, old flip.Transform, now *flip.Transform) // now is nil if none fits

	ended     int // lines with a result
	fallbacks int // consecutive ones without a response
	known     *flip.Transform
}

// run yields the results in the order of the lines. It returns when yield returns false.
func (a *autoStream) run(ctx context.Context, yield func(ohce.Result, error) bool) {
	for {
		t, ok := a.detect(ctx, yield)
		if !ok || a.source.ended() {
			return
		}
		if !a.share(ctx, t, yield) {
			return
		}
		a.source.rewind()
		if a.source.ended() {
			return
		}
	}
}

// detect sends lines on sockets of their own until their responses show the server's transform. It
// returns false if there are no more lines, or if yield does.
func (a *autoStream) detect(ctx context.Context,
	yield func(ohce.Result, error) bool) (t flip.Transform, ok bool) {
	feed, stop := context.WithCancel(ctx) // ends the lines, but not the exchanges
	defer stop()
	d, g, first := newDetector(a.graphemes), newGate(maxUndecided), a.ended+1
	reported := false
	for r, err := range a.any.stream(ctx, a.source.messages(feed, g)) {
		if err != nil {
			yield(r, err)
			return t, false
		}
		a.source.finished()
		g.leave()
		if r.Err == nil && !ok {
			d.observe(r.Request, r.Response.Data)
			if t, ok = d.decided(); ok {
				stop()
			} else if d.hopeless() || d.seen == maxTries {
				g.open()
			}
			if !reported && (ok || d.hopeless()) {
				a.report(first, t, ok)
				reported = true
			}
		}
		a.ended++
		if !yield(r, nil) {
			return t, false
		}
	}
	return t, ok
}

// report reports a change of the transform, and remembers the new one.
func (a *autoStream) report(line int, t flip.Transform, ok bool) {
	switch {
	case a.known == nil:
	case !ok:
		a.changed(line, *a.known, nil)
	case t != *a.known:
		a.changed(line, *a.known, &t)
	}
	a.known = nil
	if ok {
		a.known = &t
	}
}

// share sends lines on a shared socket. It returns true if the responses no longer fit the
// transform, and false if there are no more lines or yield returns false.
func (a *autoStream) share(ctx context.Context, t flip.Transform,
	yield func(ohce.Result, error) bool) (changed bool) {
	conn := a.expect(t)
	streamCtx, cancel := context.WithCancelCause(ctx)
	watched := make(chan struct{})
	go func() { // ends with streamCtx; waited for below
		defer close(watched)
		watchResponses(streamCtx, conn.counts, func() { cancel(errChanged) })
	}()
	defer func() { cancel(nil); <-watched }()
	for r, err := range conn.stream(streamCtx, a.source.messages(streamCtx, nil)) {
		if err != nil && context.Cause(streamCtx) == errChanged {
			return true
		}
		if err != nil {
			yield(r, err)
			return false
		}
		if r.Err != nil {
			a.fallBack(ctx, conn, &r)
		}
		a.source.finished()
		a.ended++
		if !yield(r, nil) {
			return false
		}
		if r.Err == nil && !bytes.Equal(t.Append(nil, r.Request), r.Response.Data) {
			cancel(errChanged) // the stream ends with the next result
		}
	}
	return context.Cause(streamCtx) == errChanged
}

// fallBack sends a line without an expected response again, on a socket of its own, if the server
// has sent datagrams that were not expected.
func (a *autoStream) fallBack(ctx context.Context, conn *connection, r *ohce.Result) {
	_, unexpected := conn.counts()
	if unexpected == 0 || a.fallbacks == maxFallbacks || !errors.Is(r.Err, ohce.ErrServerDown) {
		return
	}
	resp, err := a.any.exchange(ctx, r.Request)
	if err != nil {
		a.fallbacks++
		return
	}
	a.fallbacks = 0
	r.Response, r.Err = resp, nil
}

// watchResponses calls changed when the server has sent unexpected datagrams, and no response for
// changeDelay. It returns when it has called changed, or when ctx is done.
func watchResponses(ctx context.Context, counts func() (answered, unexpected uint64), changed func()) {
	tick := time.NewTicker(changeInterval)
	defer tick.Stop()
	lastAnswered, lastUnexpected := counts()
	since := time.Now()
	for {
		select {
		case now := <-tick.C:
			answered, unexpected := counts()
			switch {
			case answered != lastAnswered:
				lastAnswered, lastUnexpected, since = answered, unexpected, now
			case unexpected != lastUnexpected && now.Sub(since) >= changeDelay:
				changed()
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
