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
	keepCR    bool
}

func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send [TEXT...]",
		Short: "Send text and print the answer",
		Long: `Send text to a server and print its response on standard output.

The arguments, joined by spaces, are one message. Without arguments, or with - alone, each line
of standard input is one message, and the responses are printed in the order of the lines; ohce
send -- - sends a dash. A line can contain any bytes. It is sent without its newline and
without a carriage return before it. An empty line is an empty datagram.

Many lines are in flight at once, as many as the network carries. With --expect auto, ohce
compares the first responses with the transforms of ohce serve. When exactly one fits, the
following lines share a socket, and ohce accepts only the right response to each. If the server
changes its transform, ohce reports the line and compares again. If none fits, each line keeps a
socket of its own, and at most 256 are in flight. The same holds for --expect any, --trace and
--trace-svg.

If no response arrives within the wait of an attempt, ohce sends the message again. If none
arrives within any wait, ohce reports the failure, and the exit code is 1. A line without a
response does not stop the following ones. Many equal failures are summarized.

If a server answers some lines of standard input and then falls silent, ohce waits for it, for
up to 10 s after its last response, and sends the unanswered lines again. With several servers
ohce does not wait. If no response has arrived since the start, or none within those 10 s, then
after eight consecutive unanswered lines ohce reports those of the next second as unanswered
without sending them.

With several servers, given one by one or by a name, ohce tries the next server if one is down;
--policy changes that. A name without a port stands for its SRV records, those of
_ohce._udp.NAME. A name with a port stands for each of its addresses.

With --json, an object has the fields server, request, response, rtt_ms, elapsed_ms and
attempts. A failure has error, message, attempts and elapsed_ms instead. The error is down (no
server has answered anything), refused (no server listens), no_response (the server answered
other messages), wrong_response, too_large or unreachable. Bytes that are not UTF-8 are encoded
in base64, in request_base64 and response_base64.`,
		Example: `  ohce send Hello
  ohce send --server 192.0.2.7:3000 --retry 1s,2s,4s Hello
  ohce send --server 192.0.2.7:3000 --server 192.0.2.8:3000 --policy race Hello
  ohce send --expect flip --trace < lines.txt`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("trace-svg") && f.traceSVG == "" {
				return usage("name a file, as in trace.svg", "--trace-svg is empty")
			}
			return a.send(cmd.Context(), &f, args, cmd.ArgsLenAtDash() >= 0)
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
	flags.StringVar(&f.expect, "expect", "auto",
		"accept only the right response: `NAME` is auto (as the first responses show), any, "+
			strings.Join(flip.Names(), ", "))
	flags.BoolVar(&f.graphemes, "graphemes", false, "the server runs with --graphemes")
	flags.BoolVar(&f.trace, "trace", false,
		"draw each exchange on standard error as a sequence diagram")
	flags.StringVar(&f.traceSVG, "trace-svg", "",
		"draw the exchanges into `FILE` as SVG, at most the first 100")
	flags.BoolVar(&f.json, "json", false, "print each response or failure as a JSON object on a line")
	flags.BoolVar(&f.keepCR, "keep-cr", false, "send the carriage return that ends a line")
	completeFlag(cmd, "expect", append([]string{"auto", "any"}, flip.Names()...)...)
	completeFlag(cmd, "retry", "linear", "adaptive")
	completeFlag(cmd, "server", ohce.DefaultAddr)
	completeFlag(cmd, "policy", policyNames()...)
	return cmd
}

// A sender sends messages and prints the responses.
type sender struct {
	app    *app
	flags  *sendFlags
	addrs  []string // of the servers
	policy ohce.GroupPolicy
	retry  ohce.Retry
	conns  []*connection // all that were opened; the first one is for single messages
	tracer *tracer       // nil unless --trace or --trace-svg is set
}

// send sends args as one message, or the lines of standard input. If literal is true, a dash is a
// message.
func (a *app) send(ctx context.Context, f *sendFlags, args []string, literal bool) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	s, err := a.newSender(ctx, f)
	if err != nil {
		return err
	}
	lines := len(args) == 0 || len(args) == 1 && args[0] == "-" && !literal
	if err := s.startTrace(lines); err != nil {
		return err
	}
	if lines {
		err = s.sendLines(ctx)
	} else {
		err = s.sendOne(ctx, []byte(strings.Join(args, " ")))
	}
	s.close()
	return s.finishTrace(err)
}

func (a *app) newSender(ctx context.Context, f *sendFlags) (*sender, error) {
	if f.graphemes && f.expect == "any" {
		return nil, usage("leave --graphemes out, or use --expect auto or flip",
			"--graphemes has no effect with --expect any")
	}
	s := &sender{app: a, flags: f}
	var err error
	if s.retry, err = parseRetry(f.retry); err != nil {
		return nil, err
	}
	if s.policy, err = parsePolicy(f.policy); err != nil {
		return nil, err
	}
	var match *ohce.Matcher // nil accepts any response
	if f.expect != "any" && f.expect != "auto" {
		t, err := parseTransform("expect", f.expect, f.graphemes, "auto", "any")
		if err != nil {
			return nil, err
		}
		match = ohce.MatchExact(t.Append)
	}
	if s.addrs, err = findServers(ctx, f.servers); err != nil {
		return nil, err
	}
	s.open(match)
	return s, nil
}

// open returns a new connection to the servers.
func (s *sender) open(match *ohce.Matcher) *connection {
	c := &connection{group: &ohce.Group{Policy: s.policy}}
	for _, addr := range s.addrs {
		c.group.Clients = append(c.group.Clients,
			&ohce.Client{Addr: addr, Retry: s.retry, Match: match})
	}
	s.conns = append(s.conns, c)
	return c
}

// close closes all connections.
func (s *sender) close() {
	for _, c := range s.conns {
		c.group.Close()
	}
}

// counts returns the number of exchanges with a response, and of datagrams that were not one.
func (s *sender) counts() (answered, unexpected uint64) {
	for _, c := range s.conns {
		n, u := c.counts()
		answered, unexpected = answered+n, unexpected+u
	}
	return answered, unexpected
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
		clients := s.conns[0].group.Clients
		for i, c := range clients {
			c.Trace = t.trace(i, len(clients))
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
	resp, err := s.conns[0].exchange(ctx, message)
	if s.tracer != nil {
		s.tracer.flush()
	}
	if err == nil {
		return s.print(message, resp)
	}
	failed := s.failure(message, err)
	if s.flags.json && failed.json != "" {
		if err := s.printFailure(s.app.out, message, failed); err != nil {
			return err
		}
	}
	return failed
}

// serverAddr returns the address of the server that sent resp. If there is only one server, it
// returns the address as given.
func (s *sender) serverAddr(resp *ohce.Response) string {
	if len(s.addrs) == 1 {
		return s.addrs[0]
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
