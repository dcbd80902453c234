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

// lines sends each line of standard input.
func (s *sender) lines(ctx context.Context) error {
	if isTerminal(s.app.in) {
		return s.typed(ctx)
	}
	return s.piped(ctx)
}

// typed sends what a person types, line by line. A message that gets no answer is reported, and the
// person decides.
func (s *sender) typed(ctx context.Context) error {
	var failed error
	in := newLineReader(ctx, s.app.in)
	for n := 1; ; n++ {
		fmt.Fprint(s.app.err, "> ")
		line, err := in.next(ctx)
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(s.app.err) // the shell's prompt is not to stand behind ours
			return failed
		}
		if err != nil {
			return atLine(explainInput(err), n)
		}
		err = s.one(ctx, line)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return atLine(err, n)
		default:
			s.app.report(err)
			failed = &failure{what: "not every message was answered", code: exitFail}
		}
	}
}

// piped sends lines while earlier ones are under way, and prints the answers in their order. A line that
// gets no answer is told, with its number, and the others go on.
func (s *sender) piped(ctx context.Context) error {
	in := newLines(s.app.in)
	out := newPromptWriter(s.app.out)
	progress := s.app.newProgress()
	defer progress.stop()
	var missed unanswered
	n := 0
	for resp, err := range s.stream(ctx, in.all) {
		n++
		line := in.sent()
		switch {
		case err == nil:
			err = s.printTo(out, line, resp)
		case isForOne(err):
			missed.add(n, s.explain(line, err))
			err = s.tellMissed(progress, out, n, line, missed.last)
		default:
			err = s.explain(line, err)
		}
		progress.line(resp != nil)
		if err != nil {
			return errors.Join(atLine(err, n), out.close())
		}
	}
	progress.stop()
	if err := out.close(); err != nil {
		return cannotWrite(err)
	}
	if !errors.Is(in.err, io.EOF) {
		return atLine(explainInput(in.err), n+1)
	}
	return missed.err(n)
}

// stream is that of the only client or of the group.
func (s *sender) stream(ctx context.Context, requests iter.Seq[[]byte]) iter.Seq2[*ohce.Response, error] {
	if c := s.only(); c != nil {
		return c.Stream(ctx, requests)
	}
	return s.group.Stream(ctx, requests)
}

// isForOne reports whether an error of a stream is about one message, so that the others go on.
func isForOne(err error) bool {
	return errors.Is(err, ohce.ErrServerDown) || errors.Is(err, ohce.ErrTooLarge)
}

// tellMissed says on standard error that a line got no answer, and with --json on standard output too, so
// that each line has an object.
func (s *sender) tellMissed(p *progress, out io.Writer, n int, line []byte, why *failure) error {
	p.clear()
	fmt.Fprintf(s.app.err, "%s line %d: %s\n", s.app.styleFor(s.app.err).bold("ohce:"), n, why.what)
	if !s.flags.json {
		return nil
	}
	if _, err := out.Write(jsonMissed(strings.Join(s.flags.servers, ","), line, why.what)); err != nil {
		return cannotWrite(err)
	}
	return nil
}

// unanswered are the lines that got no answer.
type unanswered struct {
	count       int
	first, last *failure
}

func (u *unanswered) add(n int, err error) {
	u.last = &failure{what: err.Error(), code: exitFail}
	errors.As(err, &u.last)
	if u.count++; u.count == 1 {
		u.first = u.last
	}
}

// err is the failure of all lines together, or nil.
func (u *unanswered) err(lines int) error {
	if u.count == 0 {
		return nil
	}
	return &failure{
		what: fmt.Sprintf("lines without an answer: %d of %d", u.count, lines), hint: u.first.hint, code: exitFail,
	}
}

func explainInput(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &failure{what: "interrupted", code: exitFail}
	}
	return &failure{what: fmt.Sprintf("cannot read standard input: %v", err), code: exitFail}
}

// atLine adds to a failure where in the input it was.
func atLine(err error, n int) error {
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
