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

The arguments, joined by blanks, are one message. Without arguments each line of standard
input is one, and the answers come out line by line in the order of the lines; a line of any
bytes is sent as it is, without its end (on Windows, without a carriage return before that
either). An empty line is an empty datagram. Lines are sent while earlier ones are under way:
sixteen at a time, or with --expect, where all share a socket, as many as the network takes.

A message is sent again after each wait of the schedule. When all waits have passed in
silence, the server is down for this message: that is told on standard error, with the line
it was, the other lines go on, and the exit code is 1. While a server answers nothing at all,
lines are not tried one by one: those of the second after eight in vain are down too.

With several servers, given one by one or behind a name, the next one is asked where one is
down; --policy says otherwise. A name without a port stands for its SRV records, those of
_ohce._udp.NAME; a name with a port for each of its addresses.

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
		"the server's `HOST:PORT`, or a name with SRV records; several times for several")
	flags.StringVar(&f.policy, "policy", "failover",
		"which of several servers is asked: `NAME` is failover (the next one where one is down), "+
			"spread (in turn), race (all, the first answer counts)")
	flags.StringVar(&f.retry, "retry", "seed",
		"how long each attempt waits: `WAITS` is seed (0.1 s, 0.2 s, ... 0.5 s), "+
			"adaptive (as the round trips say, a second before any is known; gives up after 1.5 s, "+
			"adaptive,3s after 3 s) or a list as 1s,2s,4s")
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
			"--graphemes says what to expect, and --expect does not ask for that")
	}
	retry, err := parseRetry(f.retry)
	if err != nil {
		return nil, err
	}
	policy, err := parsePolicy(f.policy)
	if err != nil {
		return nil, err
	}
	var expect func(dst, request []byte) []byte
	if f.expect != "any" {
		t, err := parseTransform("expect", f.expect, f.graphemes, "any")
		if err != nil {
			return nil, err
		}
		expect = t.Append
	}
	addrs, err := findServers(ctx, f.servers)
	if err != nil {
		return nil, err
	}
	s := &sender{app: a, flags: f, group: &ohce.Group{Policy: policy}}
	for _, addr := range addrs {
		s.group.Clients = append(s.group.Clients,
			&ohce.Client{Addr: addr, Retry: retry, Expect: expect})
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
