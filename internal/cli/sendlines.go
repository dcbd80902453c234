package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

// sendLines sends each line of standard input.
func (s *sender) sendLines(ctx context.Context) error {
	if isTerminal(s.app.in) {
		return s.sendTyped(ctx)
	}
	return s.sendPiped(ctx)
}

// sendTyped prompts for lines on a terminal and sends each one. It reports an unanswered line and
// continues.
func (s *sender) sendTyped(ctx context.Context) error {
	var failed error
	in := newLineReader(ctx, s.app.in, s.flags.keepCR)
	for n := 1; ; n++ {
		fmt.Fprint(s.app.err, "> ")
		line, err := in.next(ctx)
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(s.app.err) // the shell's prompt starts on a new line
			return failed
		}
		if err != nil {
			return withLine(inputFailure(err), n)
		}
		err = s.sendOne(ctx, line)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return withLine(err, n)
		default:
			s.app.report(err)
			failed = &failure{what: "not every message was answered", code: exitFail}
		}
	}
}

// sendPiped sends many lines at a time and prints the responses in the order of the lines. It
// reports unanswered lines and continues.
func (s *sender) sendPiped(ctx context.Context) error {
	in := &messageSource{reader: newLineReader(ctx, s.app.in, s.flags.keepCR)}
	out := newFlushWriter(s.app.out)
	progress := s.app.newProgress()
	defer progress.stop()
	report := func(text string) {
		progress.clear()
		fmt.Fprintf(s.app.err, "%s %s\n", s.app.styleFor(s.app.err).bold("ohce:"), text)
	}
	unanswered := unansweredLines{report: report}
	n := 0
	for r, err := range s.results(ctx, in, report) {
		n++
		switch {
		case err != nil: // the end of the stream
			unanswered.flush()
			err = s.failure(nil, err)
		case r.Err != nil:
			failed := s.failure(r.Request, r.Err)
			unanswered.add(n, failed)
			if s.flags.json {
				err = s.printFailure(out, r.Request, failed)
			}
		default:
			err = s.printTo(out, r.Request, r.Response)
		}
		progress.count(r.Response != nil)
		if err != nil {
			return errors.Join(withLine(err, n), out.close())
		}
	}
	progress.stop()
	unanswered.flush()
	if err := out.close(); err != nil {
		return outputFailure(err)
	}
	if err := in.readError(); err != nil {
		return withLine(inputFailure(err), n+1)
	}
	return unanswered.err(n)
}

// results sends the lines of in and yields their results.
func (s *sender) results(ctx context.Context, in *messageSource,
	report func(string)) iter.Seq2[ohce.Result, error] {
	if s.flags.expect != "auto" || s.tracer != nil {
		return s.conns[0].stream(ctx, in.messages(ctx, nil))
	}
	auto := &autoStream{
		source: in, any: s.conns[0], graphemes: s.flags.graphemes,
		expect: func(t flip.Transform) *connection { return s.open(ohce.MatchExact(t.Append)) },
		changed: func(line int, old flip.Transform, now *flip.Transform) {
			if now == nil {
				report(fmt.Sprintf("from line %d on, the responses fit no transform (before: %v)", line, old))
				return
			}
			report(fmt.Sprintf("from line %d on, the server applies %v instead of %v", line, *now, old))
		},
	}
	return func(yield func(ohce.Result, error) bool) { auto.run(ctx, yield) }
}

// maxEqualFailures is the number of consecutive lines with the same failure that are reported one by
// one.
const maxEqualFailures = 3

// An unansweredLines counts the lines without a response and reports them. It summarizes many
// consecutive failures of one kind.
type unansweredLines struct {
	report func(text string)

	count int
	first *failure // for its hint
	kind  string   // of the latest failure
	equal int      // consecutive failures of this kind
	last  int      // the line of the latest failure
}

func (u *unansweredLines) add(n int, f *failure) {
	if u.count++; u.count == 1 {
		u.first = f
	}
	if f.json != u.kind || n != u.last+1 {
		u.flush()
		u.kind, u.equal = f.json, 0
	}
	u.last = n
	if u.equal++; u.equal <= maxEqualFailures {
		u.report(fmt.Sprintf("line %d: %s", n, f.what))
	}
}

// flush reports the lines that add has summarized.
func (u *unansweredLines) flush() {
	switch more := u.equal - maxEqualFailures; {
	case more == 1:
		u.report(fmt.Sprintf("line %d: the same", u.last))
	case more > 1:
		u.report(fmt.Sprintf("lines %d to %d: the same", u.last-more+1, u.last))
	}
	u.equal = 0
}

// err returns the failure of all unanswered lines together, or nil if there are none.
func (u *unansweredLines) err(lines int) error {
	if u.count == 0 {
		return nil
	}
	return &failure{
		what: fmt.Sprintf("lines without a response: %d of %d", u.count, lines), hint: u.first.hint,
		code: exitFail,
	}
}

// inputFailure returns the failure to read standard input.
func inputFailure(err error) error {
	if errors.Is(err, context.Canceled) {
		return &failure{what: "interrupted", code: exitFail}
	}
	return &failure{what: fmt.Sprintf("cannot read standard input: %v", err), code: exitFail}
}

// withLine adds a line number to the hint of a failure.
func withLine(err error, n int) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	at := fmt.Sprintf("stopped at line %d of standard input", n)
	if f.hint != "" {
		at += "; " + f.hint
	}
	return &failure{what: f.what, hint: at, code: f.code}
}
