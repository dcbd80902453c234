package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/ohce/ohce"
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
	in := newLineReader(ctx, s.app.in)
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
// reports an unanswered line with its number and continues.
func (s *sender) sendPiped(ctx context.Context) error {
	in := newInputLines(ctx, s.app.in)
	out := newFlushWriter(s.app.out)
	progress := s.app.newProgress()
	defer progress.stop()
	var unanswered unansweredLines
	n := 0
	for r, err := range s.stream(ctx, in.all) {
		n++
		switch {
		case err != nil: // the end of the stream
			err = s.failure(nil, err)
		case r.Err != nil:
			unanswered.add(n, s.failure(r.Request, r.Err))
			err = s.reportUnanswered(progress, out, n, r.Request, unanswered.last)
		default:
			err = s.printTo(out, r.Request, r.Response)
		}
		progress.count(r.Response != nil)
		if err != nil {
			return errors.Join(withLine(err, n), out.close())
		}
	}
	progress.stop()
	if err := out.close(); err != nil {
		return outputFailure(err)
	}
	if !errors.Is(in.err, io.EOF) {
		return withLine(inputFailure(in.err), n+1)
	}
	return unanswered.err(n)
}

// stream starts a stream of the only client or, if there are several, of the group.
func (s *sender) stream(ctx context.Context,
	requests iter.Seq[[]byte]) iter.Seq2[ohce.Result, error] {
	if c := s.soleClient(); c != nil {
		return c.Stream(ctx, requests)
	}
	return s.group.Stream(ctx, requests)
}

// reportUnanswered reports line n on standard error. With --json it also writes an object to out,
// so that each line has one.
func (s *sender) reportUnanswered(p *progress, out io.Writer, n int, line []byte,
	f *failure) error {
	p.clear()
	fmt.Fprintf(s.app.err, "%s line %d: %s\n", s.app.styleFor(s.app.err).bold("ohce:"), n, f.what)
	if !s.flags.json {
		return nil
	}
	server := strings.Join(s.flags.servers, ",")
	if _, err := out.Write(jsonUnanswered(server, line, f.what)); err != nil {
		return outputFailure(err)
	}
	return nil
}

// An unansweredLines counts the lines without a response.
type unansweredLines struct {
	count       int
	first, last *failure
}

func (u *unansweredLines) add(n int, err error) {
	u.last = &failure{what: err.Error(), code: exitFail}
	errors.As(err, &u.last)
	if u.count++; u.count == 1 {
		u.first = u.last
	}
}

// err returns the failure of all unanswered lines together, or nil if there are none.
func (u *unansweredLines) err(lines int) error {
	if u.count == 0 {
		return nil
	}
	return &failure{
		what: fmt.Sprintf("lines without an answer: %d of %d", u.count, lines), hint: u.first.hint,
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
