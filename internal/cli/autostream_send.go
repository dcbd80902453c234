package cli

import (
	"context"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

// send sends the waiting lines: all of them under an expectation, otherwise as many as the detector
// allows.
func (a *autoStream) send() {
	now := time.Now()
	for len(a.waiting) > 0 {
		expected, ok := a.detector.expected()
		if !ok && a.single != nil && len(a.single.lines) >= a.detector.maxUndecided() {
			return
		}
		line := a.waiting[0]
		a.waiting[0] = nil
		a.waiting = a.waiting[1:]
		if line.begun.IsZero() {
			line.begun = now
		}
		if !ok || !a.share(now, line, expected) {
			a.sendSingle(line)
		}
	}
}

// sendSingle sends a line on a socket of its own.
func (a *autoStream) sendSingle(line *autoLine) {
	if a.single == nil {
		a.single = newLineStream()
		a.start(a.single, a.s.conns[0])
	}
	line.round = a.round
	a.single.put(line)
}

// share sends a line on the shared socket. It returns false if the line collides with another one.
func (a *autoStream) share(now time.Time, line *autoLine, expected flip.Transform) bool {
	if a.shared == nil {
		a.startShared(expected)
	}
	hashes, ok := a.shared.collisions.add(now, line.text)
	if !ok {
		return false
	}
	line.hashes, line.heard = hashes, a.shared.monitor.begun()
	a.shared.put(line)
	return true
}

// startShared starts a stream under an expectation.
func (a *autoStream) startShared(expected flip.Transform) {
	decided := *a.detector // a copy for the goroutines of the stream
	a.shared = newLineStream()
	a.shared.collisions = newCollisions(expected, decided.transforms)
	a.shared.monitor = newMismatchMonitor(decided.decides)
	conn := a.s.open(ohce.MatchExact(expected.Append))
	for _, c := range conn.group.Clients {
		c.Trace = a.shared.monitor.trace()
	}
	a.start(a.shared, conn)
}

// start starts a stream on a connection.
func (a *autoStream) start(stream *lineStream, c *connection) {
	var ctx context.Context
	ctx, stream.cancel = context.WithCancel(a.ctx)
	// Ends when the stream is cancelled; results waits for it.
	a.running.Go(func() { stream.run(ctx, c, a.outcomes) })
}

// abandonShared ends the stream under an expectation. The lines without a result are sent again,
// before the lines that wait already.
func (a *autoStream) abandonShared() {
	if a.shared == nil {
		return
	}
	a.shared.cancel()
	for _, line := range a.shared.lines {
		line.moved = true
	}
	a.waiting = append(a.shared.lines, a.waiting...)
	a.shared = nil
}
