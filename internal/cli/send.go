package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

type sendFlags struct {
	servers   []string
	policy    string
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

The arguments, joined by blanks, are one message. Without arguments, each line of standard
input is one message, and the answers are printed in the order of the lines. A line may
contain any bytes and is sent without its newline (on Windows, also without a carriage return
before it). An empty line is an empty datagram. Many lines are in flight at once, as many as
the network can carry. With --expect they share a socket. Without it each has a socket of its
own, and at most 256 are in flight.

If no answer arrives within the wait of an attempt, ohce sends the message again. If no
answer arrives within any wait, the server is down for this message: ohce reports the line on
standard error and continues with the others, and the exit code is 1.

If a server answers some lines of standard input and then falls silent, ohce waits for it, for
up to 10 s after its last answer, and sends the unanswered lines again. With several servers
ohce does not wait. If no answer has arrived since the start, or none within those 10 s, then
after eight consecutive unanswered lines ohce counts those of the next second as unanswered
without sending them.

With several servers, given one by one or by a name, ohce tries the next server if one is
down; --policy changes that. A name without a port stands for its SRV records, those of
_ohce._udp.NAME. A name with a port stands for each of its addresses.

Each flag can be set by an environment variable: OHCE_SERVER, OHCE_RETRY and so on.`,
		Example: `  ohce send Hello
  ohce send --server 192.0.2.7:3000 --retry 1s,2s,4s Hello
  ohce send --server 192.0.2.7:3000 --server 192.0.2.8:3000 --policy race Hello
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
	flags.StringSliceVar(&f.servers, "server", []string{ohce.DefaultAddr},
		"the server's `HOST:PORT`, or a name with SRV records; repeat it for several servers")
	flags.StringVar(&f.policy, "policy", "failover",
		"how to use several servers: `NAME` is failover (the next server on failure), "+
			"round-robin (each in turn) or race (all at once, the first answer wins)")
	flags.StringVar(&f.retry, "retry", "linear",
		"how long each attempt waits: `WAITS` is linear (0.1 s, 0.2 s, ... 0.5 s), "+
			"adaptive (by the measured round-trip time, 1 s until the first one; in total 1.5 s, "+
			"or 3 s with adaptive,3s) or a list such as 1s,2s,4s")
	flags.StringVar(&f.expect, "expect", "any",
		"accept only the right answer: `NAME` is any, "+strings.Join(flip.Names(), ", "))
	flags.BoolVar(&f.graphemes, "graphemes", false, "the server runs with --graphemes")
	flags.BoolVar(&f.trace, "trace", false,
		"draw each exchange on standard error as a sequence diagram")
	flags.StringVar(&f.traceSVG, "trace-svg", "",
		"draw the exchanges into `FILE` as SVG, at most the first 100")
	flags.BoolVar(&f.json, "json", false, "print each answer as a JSON object on a line")
	completeFlag(cmd, "expect", append([]string{"any"}, flip.Names()...)...)
	completeFlag(cmd, "retry", "linear", "adaptive")
	completeFlag(cmd, "server", ohce.DefaultAddr)
	completeFlag(cmd, "policy", policyNames()...)
	return cmd
}

// A sender sends messages and prints the responses.
type sender struct {
	app    *app
	flags  *sendFlags
	group  *ohce.Group
	tracer *tracer // nil unless --trace or --trace-svg is set
}

func (a *app) send(ctx context.Context, f *sendFlags, args []string) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	s, err := a.newSender(ctx, f)
	if err != nil {
		return err
	}
	if err := s.startTrace(len(args) == 0); err != nil {
		return err
	}
	if len(args) > 0 {
		err = s.sendOne(ctx, []byte(strings.Join(args, " ")))
	} else {
		err = s.sendLines(ctx)
	}
	s.group.Close() // waits for late datagrams, which the diagram shows
	return s.finishTrace(err)
}

func (a *app) newSender(ctx context.Context, f *sendFlags) (*sender, error) {
	if f.graphemes && f.expect == "any" {
		return nil, usage("add --expect flip, or leave --graphemes out",
			"--graphemes has no effect without --expect")
	}
	retry, err := parseRetry(f.retry)
	if err != nil {
		return nil, err
	}
	policy, err := parsePolicy(f.policy)
	if err != nil {
		return nil, err
	}
	var match *ohce.Matcher
	if f.expect != "any" {
		t, err := parseTransform("expect", f.expect, f.graphemes, "any")
		if err != nil {
			return nil, err
		}
		match = ohce.MatchExact(t.Append)
	}
	addrs, err := findServers(ctx, f.servers)
	if err != nil {
		return nil, err
	}
	s := &sender{app: a, flags: f, group: &ohce.Group{Policy: policy}}
	for _, addr := range addrs {
		s.group.Clients = append(s.group.Clients,
			&ohce.Client{Addr: addr, Retry: retry, Match: match})
	}
	return s, nil
}

// startTrace sets up the diagrams that the flags ask for. It fails if the SVG file cannot be
// written. With numbered set, the text shows the number of each exchange.
func (s *sender) startTrace(numbered bool) (err error) {
	t := new(tracer)
	if s.flags.trace {
		t.text = s.app.newText(s.app.err)
		t.text.Numbered = numbered
	}
	if s.flags.traceSVG != "" {
		if t.file, err = newSVGFile(s.flags.traceSVG); err != nil {
			return err
		}
	}
	if t.text != nil || t.file != nil {
		s.tracer = t
		for i, c := range s.group.Clients {
			c.Trace = t.trace(i, len(s.group.Clients))
		}
	}
	return nil
}

// finishTrace completes the diagrams. No exchange may be in progress. err is the error that ended
// the exchanges; if it is not nil, finishTrace reports an error of its own and returns err.
func (s *sender) finishTrace(err error) error {
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

// sendOne sends one message and prints the response.
func (s *sender) sendOne(ctx context.Context, message []byte) error {
	resp, err := s.exchange(ctx, message)
	if s.tracer != nil {
		s.tracer.flush()
	}
	if err != nil {
		return s.failure(message, err)
	}
	return s.print(message, resp)
}

// exchange sends a message to the only server or, if there are several, by the policy.
func (s *sender) exchange(ctx context.Context, message []byte) (*ohce.Response, error) {
	if c := s.soleClient(); c != nil {
		return c.Exchange(ctx, message)
	}
	return s.group.Exchange(ctx, message)
}

// soleClient returns the client of the only server, or nil if there are several.
func (s *sender) soleClient() *ohce.Client {
	if len(s.group.Clients) > 1 {
		return nil
	}
	return s.group.Clients[0]
}

// serverAddr returns the address of the server that sent resp. If there is only one server, it
// returns the address as given.
func (s *sender) serverAddr(resp *ohce.Response) string {
	if c := s.soleClient(); c != nil {
		return c.Addr
	}
	return resp.RemoteAddr.String()
}

// print writes a response to standard output.
func (s *sender) print(message []byte, resp *ohce.Response) error {
	return s.printTo(s.app.out, message, resp)
}

func (s *sender) printTo(w io.Writer, message []byte, resp *ohce.Response) error {
	line := append(resp.Data, '\n')
	if s.flags.json {
		line = jsonAnswer(s.serverAddr(resp), message, resp)
	}
	if _, err := w.Write(line); err != nil {
		return outputFailure(err)
	}
	return nil
}

// outputFailure returns the failure to write a response.
func outputFailure(err error) error {
	return &failure{what: fmt.Sprintf("cannot write the answer: %v", err), code: exitFail}
}
