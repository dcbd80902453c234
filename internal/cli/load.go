package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
	"github.com/ohce/ohce/measure"
)

type loadFlags struct {
	rate      float64
	duration  time.Duration
	count     int
	poisson   bool
	seed      uint64
	steps     string
	ramp      string
	closed    int
	clients   int
	timeout   time.Duration
	payload   loadPayloadFlags
	segments  bool
	buffer    int
	findMax   bool
	maxLoss   string
	maxP99    time.Duration
	json      bool
	reports   []string
	permitted bool
	dial      dialFlags
	metrics   serverMetrics

	given func(flag string) bool   // whether a flag or its variable is set
	value func(flag string) string // its value
}

func (a *app) loadCommand() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load [HOST:PORT]",
		Short: "Measure how much load a UDP service can take",
		Long: `Send requests to a UDP service at a given rate, and report how many were answered and how
long that took. The default address is ` + ohce.DefaultAddr + `. To protect others, ohce load refuses an
address that is neither loopback, private nor link-local, unless --i-may-load-this is set.

The load is an open loop: each request has a due time, however long the responses take. So the
generator also sends while the server stalls, and the stall shows in all times. Latency counts from
the due time, and includes delays of this machine before it sends. Service time counts from the
transmission. With --closed N, the load is a closed loop: it keeps N requests in flight, and sends
the next one when one has ended. A closed loop hides the stalls of the server.

The requests are numbered texts, or the lines of --lines. ohce first sends a text to detect whether
the server returns texts unchanged, reversed, with their case swapped, or both; with --transform, it
does not. For other services, use --probe, or --send, which repeats one request. With --send, and
with the probes agnhost, dtls and source, each request leaves from a port of its own. This limits
the rate to a few thousand requests a second.

The report separates the failures of this machine from those of the network and the server:

  missed    the request was sent more than 1 ms after its due time; one that is late by more than
            --timeout is not sent at all
  refused   this system refused to send the request, or too many requests were in flight: keep
            --rate x --timeout below 4,000,000
  overflow  this system dropped the response, because the receive buffer was full

If they exceed 0.1 % of the requests, the figures describe this machine rather than the server. The
report says so, and the exit code is ` + fmt.Sprint(exitUntrusted) + `.

A lost request has no response at all. The loss is the share of the requests sent without a right
response within --timeout: lost, late, wrong, refused and unreachable.

With --find-max, ohce finds the highest rate at which the loss is at most --max-loss, and the 99th
percentile of the latency at most --max-p99. It begins at --rate and runs two or more trials of
--duration (default ` + trialDuration.String() + `) at each rate, until it knows the highest rate within 5 %. This takes one
or two minutes. If this machine is too slow to tell, the exit code is ` + fmt.Sprint(exitUntrusted) + `.

After the last request, ohce waits up to --timeout for responses. On Ctrl-C, it does not wait, and
the report covers the requests so far; --find-max then has no result. With --json, the report is a
JSON object. --report also writes it to a file. The suffix chooses the format: .html (with plots),
.json, .csv (a line for each second) or .hgrm (percentiles for the plotter of HdrHistogram).`,
		Example: `  ohce load --rate 50000 --duration 30s 127.0.0.1:3000
  ohce load --rate 10000 --poisson --clients 100 --report load.html 192.168.0.7:3000
  ohce load --steps 1000:10s,5000:10s,20000:10s 127.0.0.1:3000
  ohce load --find-max --max-p99 10ms 127.0.0.1:3000
  ohce load --probe dns --rate 20000 127.0.0.1:53`,
		Args:              oneAddress,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.given = cmd.Flags().Changed
			f.value = func(flag string) string { return cmd.Flags().Lookup(flag).Value.String() }
			return a.load(cmd.Context(), &f, target(args, f.payload.probe))
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.Float64VarP(&f.rate, "rate", "r", 1000, "send `N` requests a second")
	flags.DurationVarP(&f.duration, "duration", "d", 10*time.Second,
		"send for this long; with --find-max, in each trial, and "+trialDuration.String()+" by default")
	flags.IntVarP(&f.count, "count", "c", 0, "end after `N` requests (0: no limit; without --duration, the only limit)")
	flags.BoolVar(&f.poisson, "poisson", false, "send at random times (a Poisson process), like many independent clients")
	flags.Uint64Var(&f.seed, "seed", 0, "with --poisson, the random `SEED` (default: chosen at random)")
	flags.StringVar(&f.steps, "steps", "",
		"send at several rates, one after the other: a `LIST` such as 1000:10s,2000:10s")
	flags.StringVar(&f.ramp, "ramp", "", "change the rate evenly during --duration: `FROM:TO` such as 0:10000")
	flags.IntVar(&f.closed, "closed", 0, "keep `N` requests in flight instead of sending at a rate")
	flags.IntVar(&f.clients, "clients", 1, "send from `N` ports in turn")
	flags.DurationVarP(&f.timeout, "timeout", "W", time.Second, "wait this long for a response, also after the last request")
	f.payload.add(cmd)
	flags.BoolVar(&f.segments, "segments", false,
		"pass requests that are due within 50 us to the kernel in one call (UDP GSO)")
	flags.IntVar(&f.buffer, "receive-buffer", 0,
		"size of each receive buffer in `BYTES` (0: as large as the system allows)")
	flags.BoolVar(&f.findMax, "find-max", false,
		"find the highest rate within --max-loss and --max-p99, beginning at --rate")
	flags.StringVar(&f.maxLoss, "max-loss", "0.1%",
		"with --find-max: the largest `SHARE` of requests without a right response in time")
	flags.DurationVar(&f.maxP99, "max-p99", 0,
		"with --find-max: the largest 99th percentile of the latency (0: no limit)")
	flags.BoolVar(&f.json, "json", false, "print the report as a JSON object")
	flags.StringArrayVar(&f.reports, "report", nil,
		"also write the report to a `FILE` (.html, .json, .csv or .hgrm); can be repeated")
	f.metrics.add(flags)
	f.dial.add(cmd)
	flags.BoolVar(&f.permitted, "i-may-load-this", false,
		"allow an address that is neither loopback, private nor link-local")
	cmd.AddCommand(a.loadCompareCommand())
	return cmd
}

// oneAddress is the cobra.PositionalArgs of commands that take at most one address.
func oneAddress(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("give one address, as in "+cmd.CommandPath()+" 127.0.0.1:3000",
			"unexpected argument %q: %s takes one address", args[1], cmd.CommandPath())
	}
	return nil
}

// target returns the address that the user gave, or the default.
func target(args []string, probe string) string {
	switch {
	case len(args) == 1:
		return args[0]
	case probe != "":
		return "127.0.0.1"
	default:
		return ohce.DefaultAddr
	}
}

// A loadPayloadFlags are the flags that determine the requests of ohce load.
type loadPayloadFlags struct {
	size      int
	sizes     string
	lines     string
	transform string
	probe     string
	send      string
	expect    string
}

func (f *loadPayloadFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&f.size, "size", 64, "send texts of `BYTES`")
	flags.StringVar(&f.sizes, "sizes", "", "send texts with the sizes in `FILE` in turn, one a line")
	flags.StringVar(&f.lines, "lines", "", "send the lines of `FILE` in turn")
	flags.StringVar(&f.transform, "transform", "", "how the server changes a text: `NAME` is "+
		strings.Join(flip.Names(), ", ")+" (default: detected)")
	flags.StringVar(&f.probe, "probe", "", "send requests of a protocol: `NAME` is "+strings.Join(probeNames(), ", "))
	flags.StringVar(&f.send, "send", "", "send `DATA`: a text, hex:BYTES or @FILE")
	flags.StringVar(&f.expect, "expect", "",
		"the right response: `DATA` is a text, hex:BYTES, @FILE, re:REGEXP or any (default any with --send)")
	completeFlag(cmd, "transform", flip.Names()...)
	completeFlag(cmd, "probe", probeNames()...)
	completeFlag(cmd, "expect", "any")
}

// load runs a load and reports the result.
func (a *app) load(ctx context.Context, f *loadFlags, target string) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	if err := f.check(); err != nil {
		return err
	}
	due, err := f.schedule()
	if err != nil {
		return err
	}
	if _, err := parseShare(f.maxLoss); err != nil {
		return err
	}
	if f.given("expect") && f.payload.expect == "" {
		return usage("give the right response, or any", "--expect is empty")
	}
	payload, err := f.payload.parse()
	if err != nil {
		return err
	}
	out, err := openReports(f.reports)
	if err != nil {
		return err
	}
	target = withPort(target, payload.port)
	if err := checkHostPort(fmt.Sprintf("%q", target), target, 1); err != nil {
		return err
	}
	dialer, err := f.dial.dialer()
	if err != nil {
		return err
	}
	if err := f.checkPorts(payload, dialer.Source.Port() != 0); err != nil {
		return err
	}
	addrs, err := pingAddresses(ctx, target, false)
	if err != nil {
		return err
	}
	addr, err := f.dial.selectAddr(&dialer, target, addrs)
	if err != nil {
		return err
	}
	if !f.permitted && !isNear(addr) {
		return usage("add --i-may-load-this if its owner allows it",
			"%s is neither a loopback nor a private address", target)
	}
	if err := f.dial.check(ctx, &dialer, addr); err != nil {
		return err
	}
	if f.findMax && !f.given("duration") {
		f.duration = trialDuration
	}
	l := &loader{app: a, flags: f, target: target, addr: addr, due: due, files: out}
	if dialer != (measure.Dialer{}) {
		l.dial = dialer.Dial
	}
	if err := l.resolve(ctx, payload); err != nil {
		return err
	}
	if f.findMax {
		return l.findMax(ctx)
	}
	return l.run(ctx)
}
