package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

type sendFlags struct {
	server    string
	retry     string
	expect    string
	graphemes bool
	trace     bool
	traceSVG  string
	json      bool
}

func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send [TEXT...]",
		Short: "Send text and print the answer",
		Long: `Send text to a server and print its answer on standard output.

The arguments, joined by blanks, are one message. Without arguments each line of standard
input is one, and the answers come out line by line in the order of the lines; a line of any
bytes is sent as it is, without its end (on Windows, without a carriage return before that
either). An empty line is an empty datagram. Lines are sent while earlier ones are under way:
sixteen at a time, or with --expect, where all share a socket, as many as the network takes.

A message is sent again after each wait of the schedule. When all waits have passed in
silence, the server is down: what is left of the input is not sent, and the exit code is 1.
On a terminal the next message may be typed all the same.

Each flag can be set by an environment variable: OHCE_SERVER, OHCE_RETRY and so on.`,
		Example: `  ohce send Hello
  ohce send --server 192.0.2.7:3000 --retry 1s,2s,4s Hello
  ohce send --expect flip --trace < lines.txt`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("trace-svg") && f.traceSVG == "" {
				return usage("name a file, as in trace.svg", "--trace-svg is empty")
			}
			return a.send(cmd.Context(), &f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.server, "server", ohce.DefaultAddr, "the server's `HOST:PORT`")
	flags.StringVar(&f.retry, "retry", "seed",
		"how long each attempt waits: `WAITS` is seed (0.1 s, 0.2 s, ... 0.5 s), "+
			"adaptive (as the round trips say; adaptive,3s gives up after 3 s) or a list as 1s,2s,4s")
	flags.StringVar(&f.expect, "expect", "any",
		"take only the right answer: `NAME` is any, "+strings.Join(flip.Names(), ", "))
	flags.BoolVar(&f.graphemes, "graphemes", false, "the server runs with --graphemes")
	flags.BoolVar(&f.trace, "trace", false,
		"draw each exchange on standard error as a sequence diagram, line by line")
	flags.StringVar(&f.traceSVG, "trace-svg", "",
		"draw them into `FILE` as a picture, the first 100 at most")
	flags.BoolVar(&f.json, "json", false, "print each answer as a JSON object on a line")
	completeFlag(cmd, "expect", append([]string{"any"}, flip.Names()...)...)
	completeFlag(cmd, "retry", "seed", "adaptive")
	completeFlag(cmd, "server", ohce.DefaultAddr)
	return cmd
}

// A sender sends messages and prints their answers.
type sender struct {
	app    *app
	flags  *sendFlags
	client *ohce.Client
	tracer *tracer // nil where nobody wants a picture
}

func (a *app) send(ctx context.Context, f *sendFlags, args []string) error {
	s, err := a.newSender(f)
	if err != nil {
		return err
	}
	if err := s.draw(len(args) == 0); err != nil {
		return err
	}
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	if len(args) > 0 {
		err = s.one(ctx, []byte(strings.Join(args, " ")))
	} else {
		err = s.lines(ctx)
	}
	s.client.Close() // what comes late is to be in the picture
	return s.drawn(err)
}

func (a *app) newSender(f *sendFlags) (*sender, error) {
	if err := checkAddress("server", f.server); err != nil {
		return nil, err
	}
	retry, err := parseRetry(f.retry)
	if err != nil {
		return nil, err
	}
	s := &sender{app: a, flags: f, client: &ohce.Client{Addr: f.server, Retry: retry}}
	if f.expect != "any" {
		t, err := parseTransform("expect", f.expect, f.graphemes, "any")
		if err != nil {
			return nil, err
		}
		s.client.Expect = t.Append
	}
	if f.graphemes && f.expect == "any" {
		return nil, usage("add --expect flip, or leave --graphemes out",
			"--graphemes says what to expect, and --expect does not ask for that")
	}
	return s, nil
}

// draw begins to draw what the flags ask for. A picture that cannot be written is an error now, while
// nothing is sent.
func (s *sender) draw(several bool) (err error) {
	t := new(tracer)
	if s.flags.trace {
		t.text = s.app.drawing(s.app.err)
		t.text.Numbered = several
	}
	if s.flags.traceSVG != "" {
		if t.file, err = newPictureFile(s.flags.traceSVG); err != nil {
			return err
		}
	}
	if t.text != nil || t.file != nil {
		s.tracer, s.client.Trace = t, t.trace()
	}
	return nil
}

// drawn ends the drawing, when no exchange is under way any more and err has ended them. Its error is
// err, or else why there is no picture.
func (s *sender) drawn(err error) error {
	if s.tracer == nil {
		return err
	}
	s.tracer.flush()
	failed := s.tracer.write()
	if err == nil || failed == nil {
		return errors.Join(err, failed)
	}
	s.app.report(failed)
	return err
}

// parseRetry reads a schedule: seed, adaptive with or without a budget, or waits with units between commas.
func parseRetry(value string) (ohce.Retry, error) {
	switch name, budget, given := strings.Cut(value, ","); {
	case value == "seed":
		return ohce.SeedRetry(), nil
	case value == "adaptive":
		return ohce.AdaptiveRetry(0), nil
	case name == "adaptive" && given:
		d, err := time.ParseDuration(strings.TrimSpace(budget))
		if err != nil || d <= 0 {
			return ohce.Retry{}, usage("write adaptive, or adaptive with a time in all, as in adaptive,3s",
				"--retry %q: %q is not a time", value, budget)
		}
		return ohce.AdaptiveRetry(d), nil
	}
	var waits []time.Duration
	for part := range strings.SplitSeq(value, ",") {
		wait, err := time.ParseDuration(strings.TrimSpace(part))
		if err != nil || wait <= 0 {
			return ohce.Retry{}, usage("write seed, adaptive, or waits with their units, as in 100ms,200ms,1s",
				"--retry %q: %q is not a wait", value, part)
		}
		waits = append(waits, wait)
	}
	return ohce.RetryAfter(waits...), nil
}

// one sends one message and prints the answer.
func (s *sender) one(ctx context.Context, message []byte) error {
	resp, err := s.client.Exchange(ctx, message)
	if s.tracer != nil {
		s.tracer.flush()
	}
	if err != nil {
		return s.explain(message, err)
	}
	return s.print(message, resp)
}

// print writes an answer to standard output.
func (s *sender) print(message []byte, resp *ohce.Response) error {
	return s.printTo(s.app.out, message, resp)
}

func (s *sender) printTo(w io.Writer, message []byte, resp *ohce.Response) error {
	line := append(resp.Data, '\n')
	if s.flags.json {
		line = jsonLine(s.flags.server, message, resp)
	}
	if _, err := w.Write(line); err != nil {
		return cannotWrite(err)
	}
	return nil
}

func cannotWrite(err error) error {
	return &failure{what: fmt.Sprintf("cannot write the answer: %v", err), code: exitFail}
}

// explain says why a message got no answer.
func (s *sender) explain(message []byte, err error) error {
	f := &failure{code: exitFail}
	var op *ohce.OpError
	switch {
	case errors.Is(err, context.Canceled):
		f.what = "interrupted"
	case errors.Is(err, ohce.ErrServerDown) && errors.As(err, &op):
		f.what, f.hint = "SERVER IS DOWN !", s.whyDown(op)
	case errors.Is(err, ohce.ErrTooLarge) && len(message) <= mostText:
		f.what = fmt.Sprintf("this system does not send %d bytes in one datagram", len(message))
		f.hint = "send the text in parts; the limit may be a setting (macOS: net.inet.udp.maxdgram)"
	case errors.Is(err, ohce.ErrTooLarge):
		return tooLong(fmt.Sprint(len(message)))
	case isNameError(err):
		f.what = nameError(err)
		f.hint = "check the name, or give an IP address"
	default:
		f.what = fmt.Sprintf("cannot reach %s: %v", s.flags.server, innermost(err))
		f.hint = "check the address and this machine's network"
	}
	return f
}

// mostText is the length in bytes of the longest text that a datagram carries on IPv4; IPv6 takes
// some more.
const mostText = 65_507

func tooLong(length string) error {
	return &failure{
		what: fmt.Sprintf("the message has %s bytes, more than a datagram carries", length),
		hint: fmt.Sprintf("a datagram carries up to %d bytes; send the text in parts", mostText),
		code: exitUsage,
	}
}

// whyDown tells what was seen of a server that is down, and what to try.
func (s *sender) whyDown(op *ohce.OpError) string {
	took := op.Elapsed.Round(time.Millisecond)
	ignored := s.client.Stats().Unexpected
	switch {
	case errors.Is(op, ohce.ErrPortUnreachable):
		return fmt.Sprintf("%s refused (port unreachable) for %v: nobody listens there; "+
			"start a server with: ohce serve --listen '%s'", op.Addr, took, op.Addr)
	case op.Attempts == 0:
		return fmt.Sprintf("sending to %s failed for %v: %v", op.Addr, took, innermost(op.Cause))
	case ignored > 0:
		return fmt.Sprintf("what %s sent in %v was not the %s of the message (datagrams ignored: %d); "+
			"--expect any takes whatever comes", op.Addr, took, s.flags.expect, ignored)
	default:
		return fmt.Sprintf("%s was silent for %v (datagrams sent: %d): a wrong address, a firewall, "+
			"or a network slower than the waits; try --retry 1s,2s,4s", op.Addr, took, op.Attempts)
	}
}

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

// piped sends lines while earlier ones are under way, and prints the answers in their order. A message
// that gets no answer ends it, for the answers would no longer stand at their lines.
func (s *sender) piped(ctx context.Context) error {
	in := newLines(s.app.in)
	out := newPromptWriter(s.app.out)
	n := 0
	for resp, err := range s.client.Stream(ctx, in.all) {
		n++
		if err == nil {
			err = s.printTo(out, in.sent(), resp)
		} else {
			err = s.explain(in.sent(), err)
		}
		if err != nil {
			return errors.Join(atLine(err, n), out.close())
		}
	}
	if err := out.close(); err != nil {
		return cannotWrite(err)
	}
	if !errors.Is(in.err, io.EOF) {
		return atLine(explainInput(in.err), n+1)
	}
	return nil
}

func explainInput(err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &failure{what: "interrupted", code: exitFail}
	case errors.Is(err, errLongLine):
		return tooLong(fmt.Sprintf("over %d", mostLine))
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
