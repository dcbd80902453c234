package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

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
	in := newInputLines(ctx, newLineReader(ctx, s.app.in, s.flags.keepCR))
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
			unanswered.add(time.Now(), n, failed)
			if s.flags.json {
				err = s.printFailure(out, n, r.Request, failed)
			}
		default:
			err = s.printTo(out, n, r.Request, r.Response)
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
	if !errors.Is(in.err, io.EOF) {
		return withLine(inputFailure(in.err), n+1)
	}
	return unanswered.err(n)
}

// results sends the lines of in and yields their results.
func (s *sender) results(ctx context.Context, in *inputLines,
	report func(string)) iter.Seq2[ohce.Result, error] {
	if s.flags.expect != "auto" || s.tracer != nil {
		return s.conns[0].stream(ctx, in.all)
	}
	return s.newAutoStream(in, func(line int, before flip.Transform) {
		report(fmt.Sprintf("line %d: the server no longer applies %s; detecting its transform again",
			line, before))
	}).results(ctx)
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
