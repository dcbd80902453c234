package cli

import (
	"errors"
	"time"

	"github.com/ohce/ohce"
)

// lineOverhead is the memory that a line takes besides its text, in bytes.
const lineOverhead = 512

// An autoLine is a line of an autoStream.
type autoLine struct {
	text     []byte
	begun    time.Time // when the line was first sent
	moved    bool      // the line has been in more than one stream
	attempts int       // in earlier streams; those of an abandoned stream are not known
	round    int       // the round of the detection in which the line was sent
	result   ohce.Result
	done     bool // the line has its result

	// Under an expectation:
	hashes responseHashes
	heard  heardDatagrams // before the line was sent
}

// size returns the memory that the line takes, in bytes.
func (l *autoLine) size() int {
	n := lineOverhead + len(l.text)
	if l.result.Response != nil {
		n += len(l.result.Response.Data)
	}
	return n
}

// end sets the result of the line. For a line that has been in several streams, the attempts and the
// time include the earlier streams.
func (l *autoLine) end(r ohce.Result, now time.Time) {
	l.result.Response, l.result.Err, l.done = r.Response, r.Err, true
	if !l.moved {
		return
	}
	op := new(ohce.OpError)
	switch {
	case r.Response != nil:
		r.Response.Elapsed = max(r.Response.Elapsed, now.Sub(l.begun))
		r.Response.Attempts += l.attempts
	case errors.As(r.Err, &op):
		op.Elapsed = max(op.Elapsed, now.Sub(l.begun))
		op.Attempts += l.attempts
	}
}
