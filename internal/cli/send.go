package cli

import (
	"context"
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
	raw       bool
}

func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send [TEXT...]",
		Short: "Send text and print the answer",
		Long: `Send text to a server and print its response on standard output.

The arguments, joined by spaces, are one message. Without arguments, or with - alone, each line
of standard input is one message, and the responses are printed in the order of the lines. A
line can contain any bytes. It is sent without its newline and without a carriage return before
it. An empty line is an empty datagram.

Many lines are in flight at once, as many as the network carries. With --expect auto, ohce
compares the first responses with the transforms of ohce serve. When exactly one fits, the
following lines share a socket, and ohce accepts only the right response to each. If that
response does not arrive, ohce sends the line again from a socket of its own and accepts any
response. If the server changes its transform, ohce reports it and compares again. If no
transform fits, each line has a socket of its own, and at most 256 are in flight. The same holds
for --expect any, --trace and --trace-svg.

Each attempt waits for a time that --retry sets. If no response arrives, ohce sends the message
again. After the last attempt it reports the failure, and the exit code is 1. A line without a
response does not stop the following ones. Many equal failures are summarized.

If a server answers some lines of standard input and then falls silent, ohce waits for it, for
up to 10 s after its last response, and sends the unanswered lines again. With several servers
ohce does not wait. If the server is still silent, or has never answered, ohce no longer sends
each line: after eight unanswered lines, it reports every line that it reads in the next second
as unanswered, without sending it. Then it tries one line.

If --server is repeated, or its name has several addresses, ohce tries the next server when one
is down; --policy changes that. A name without a port stands for its SRV records, those of
_ohce._udp.NAME. A name with a port stands for each of its addresses.

A response can contain any bytes. If standard output is a terminal, control characters,
invisible and bidirectional characters, and bytes that are not UTF-8 are printed as escape
sequences such as \n and \x1b; --raw prints them unchanged. A pipe or a file gets the bytes of the
response and a newline.

With --json, an object has the fields server, request, response, rtt_ms, elapsed_ms and
attempts. For a line of standard input, the field line has its number. A failure has error,
message, attempts and elapsed_ms instead. The error is down (no server has answered anything),
refused (the port is unreachable), no_response (the server answered other messages),
wrong_response, too_large or unreachable. Bytes that are not UTF-8 are encoded in base64, in
request_base64 and response_base64.`,
		Example: `  ohce send Hello
  ohce send --server 192.0.2.7:3000 --retry 1s,2s,4s Hello
  ohce send --server 192.0.2.7:3000 --server 192.0.2.8:3000 --policy race Hello
  ohce send --expect flip --trace < lines.txt
  ohce send -- -                               send a dash`,
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
	flags.StringVar(&f.retry, "retry", defaultRetry,
		"how long each attempt waits: `WAITS` is linear (0.1 s, 0.2 s, ... 0.5 s), "+
			"adaptive (waits follow the measured round-trip time, at first 1 s; in total 1.5 s, "+
			"or 3 s with adaptive,3s) or a list such as 1s,2s,4s")
	flags.StringVar(&f.expect, "expect", "auto",
		"accept only the right response: `NAME` is auto (as the first responses show), any, "+
			strings.Join(flip.Names(), ", "))
	flags.BoolVar(&f.graphemes, "graphemes", false, "expect the responses of a server that runs with --graphemes")
	flags.BoolVar(&f.trace, "trace", false,
		"draw each exchange on standard error as a sequence diagram, one after the other")
	flags.StringVar(&f.traceSVG, "trace-svg", "",
		"draw the exchanges into `FILE` as SVG, at most the first 100")
	flags.BoolVar(&f.json, "json", false, "print each response or failure as a JSON object on a line")
	flags.BoolVar(&f.keepCR, "keep-cr", false, "send the carriage return that ends a line")
	flags.BoolVar(&f.raw, "raw", false, "print control characters of a response on a terminal, too")
	completeFlag(cmd, "expect", append([]string{"auto", "any"}, flip.Names()...)...)
	completeFlag(cmd, "retry", "linear", "adaptive")
	completeFlag(cmd, "server", ohce.DefaultAddr)
	completeFlag(cmd, "policy", policyNames()...)
	return cmd
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
