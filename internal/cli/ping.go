package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/measure"
)

type pingFlags struct {
	count    int
	interval time.Duration
	timeout  time.Duration
	deadline time.Duration
	wait     bool
	probe    string
	send     string
	expect   string
	flood    bool
	json     bool
	live     bool
	limits   checkFlags
	dial     dialFlags
	metrics  serverMetrics

	sourcePorts   int
	intervalGiven bool

	mtu        bool
	closedPort int
}

func (a *app) pingCommand() *cobra.Command {
	var f pingFlags
	cmd := &cobra.Command{
		Use:   "ping [HOST:PORT]",
		Short: "Measure loss and round-trip times of a UDP service",
		Long: `Send a request to a UDP service again and again, and report which ones were answered and how
long that took. The default address is ` + ohce.DefaultAddr + `. ohce looks a name up once.

Without --send, ohce sends short numbered texts and recognizes any server that returns them
unchanged, reversed, with their case swapped, or both. For any other service, give the request with
--send and the response with --expect.

A value of --send or --expect is a text, the bytes of a file (@FILE), or bytes in hexadecimal
(hex:0a1b). --expect can also be a regular expression that matches a part of the response
(re:^OK). The word any accepts every response. hex: alone stands for an empty datagram.

--probe sends a request of a well-known protocol instead, checks the response by the protocol's
rules and says what it means. If the address has no port, ohce uses the protocol's usual one:

` + pingProbes() + `

Requests that differ share a port. With --send, and with the probes agnhost, dtls and source, the
requests are equal, and each leaves from a port of its own.

Requests are due at fixed times, however long the responses take. With --interval 0, ohce sends
the next request when the previous one has ended. To protect others, it then refuses an address
that is neither loopback, private nor link-local, unless --flood is set.

--source, --interface, --dscp, --ttl and --dont-fragment set the network layer of the requests.
They do not affect the responses. If --source has a port, all requests leave from it.

With --source-ports N, ohce sends --count requests (default ` + strconv.Itoa(pingPortsCount) + `) from each of N consecutive ports,
every ` + pingPortsInterval.String() + ` or --interval. The first port is ` + strconv.Itoa(measure.FirstPort) + `, or the port of --source. The report names the
ports that have no response, or significantly more loss than others: behind a router with several
paths or a balancer, a broken path or backend fails for some source ports only. To find ports that
lose a part of the requests, use --count 10 or more. The report also groups the ports by the backend
that answered: the field name of a JSON object, or the text of the response if all requests are
equal. The exit code is 1 if a port failed. Ports that are in use on this machine do not fail.

With --mtu, ohce finds the path MTU of both directions, exact to the byte. For the forward
direction, it sends requests of different sizes that must not be fragmented. For the return
direction, longer requests may be fragmented. The server must answer with datagrams of the same
length, such as an echo server. A size that is lost --count times (default 4) counts as too large.
If long responses do not return, the loss of a longer request cannot be seen: the report then says
"at least". With --closed-port, ohce also sends requests to that port, and takes the ICMP port
unreachable messages of the server as responses. --mtu needs Linux.

Each request ends in one of these ways:

  (a response)  the right response arrived; the line shows its round-trip time
  TIMEOUT       no response arrived within --timeout
  WRONG ANSWER  the server sent something else
  REFUSED       the port is unreachable: no server listens there
  UNREACHABLE   the host or the network is unreachable
  NOT SENT      this system did not send the request

The summary follows after --count requests, after --deadline, or on Ctrl-C. Requests that are in
flight at the deadline or on Ctrl-C do not count. A request whose response arrives after --timeout
counts as late instead of lost. The summary also counts the failures of this machine: requests sent
more than 1 ms after they were due, requests not sent, and responses dropped because the receive
buffer was full.

If a request had a right response, the exit code is 0. Otherwise it depends on the last request:
` + pingExitCodes() + `.

With --json, an object for each request has the fields number, server, result, rtt_ms, response
and error. The result is answered, lost, wrong, refused, unreachable or unsent. The last object
has the field summary.

With --live, ohce shows on a terminal how many round-trip times fall into which range, and a
character for each of the last results. Ctrl-C ends it and prints the summary.

--warn and --crit are for monitoring systems. ohce then prints one line with performance data, in
the format of the Monitoring Plugins, and exits with 0 (OK), 1 (WARNING), 2 (CRITICAL) or 3
(UNKNOWN). Limits are a median round-trip time, a loss in percent or both: --warn 100ms,20%
--crit 500ms,60%. The loss is the share of the requests sent without a right response within
--timeout. No right response at all is CRITICAL, and so is a name without an address. A wrong
command line is UNKNOWN. Without --count and --deadline, ohce sends ` + strconv.Itoa(defaultCheckCount) + ` requests.`,
		Example: `  ohce ping -c 5 192.0.2.7:3000
  ohce ping --wait --deadline 30s 127.0.0.1:3000
  ohce ping --probe dns 192.0.2.53
  ohce ping --warn 100ms,20% --crit 500ms,60% 192.0.2.7:3000
  ohce ping --source-ports 64 192.0.2.7:3000
  ohce ping --mtu 192.0.2.7:3000
  ohce ping --send hex:000100002112a442000000000000000000000001 --expect any 192.0.2.7:3478`,
		Args:              pingArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			target := ohce.DefaultAddr
			switch {
			case len(args) == 1:
				target = args[0]
			case f.probe != "":
				target = "127.0.0.1"
			}
			if err := checkNotEmpty(cmd.Flags(), "send", "expect"); err != nil {
				return err
			}
			f.intervalGiven = cmd.Flags().Changed("interval")
			if f.deadline > 0 && !cmd.Flags().Changed("timeout") {
				f.timeout = min(f.timeout, f.deadline/2)
			}
			return a.ping(cmd.Context(), &f, target)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.IntVarP(&f.count, "count", "c", 0, "send `N` requests (0: until Ctrl-C)")
	flags.DurationVarP(&f.interval, "interval", "i", time.Second, "time between requests (0: send each when the previous one has ended)")
	flags.DurationVarP(&f.timeout, "timeout", "W", time.Second,
		"wait this long for a response; by default, at most half of --deadline")
	flags.DurationVar(&f.deadline, "deadline", 0, "end after this time, with the lookup of a name (0: no limit)")
	flags.BoolVar(&f.wait, "wait", false, "end at the first right response, for example in start-up scripts")
	flags.StringVar(&f.probe, "probe", "", "send a request of a protocol: `NAME` is "+strings.Join(probeNames(), ", "))
	flags.StringVar(&f.send, "send", "", "send `DATA`: a text, hex:BYTES or @FILE")
	flags.StringVar(&f.expect, "expect", "",
		"the right response: `DATA` is a text, hex:BYTES, @FILE, re:REGEXP or any (default any with --send)")
	flags.BoolVar(&f.flood, "flood", false, "allow --interval 0 to any address")
	flags.BoolVar(&f.json, "json", false, "print each result and the summary as a JSON object on a line")
	flags.BoolVar(&f.live, "live", false, "show a histogram and the last results on the terminal")
	f.limits.add(flags)
	f.metrics.add(flags)
	f.dial.add(cmd)
	flags.IntVar(&f.sourcePorts, "source-ports", 0,
		"send from `N` consecutive ports, and report those that fail")
	flags.BoolVar(&f.mtu, "mtu", false, "find the path MTU of both directions")
	flags.IntVar(&f.closedPort, "closed-port", 0,
		"with --mtu: also send to `PORT` of the server, on which no program must listen")
	completeFlag(cmd, "expect", "any")
	completeFlag(cmd, "probe", probeNames()...)
	return cmd
}

// pingArguments is the cobra.PositionalArgs of ohce ping.
func pingArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usage("give one address, as in "+cmd.CommandPath()+" 127.0.0.1:3000",
			"unexpected argument %q: %s takes one address", args[1], cmd.CommandPath())
	}
	return nil
}

// payload returns the requests that the flags ask for.
func (f *pingFlags) payload() (*pingPayload, error) {
	if f.probe == "" {
		return newPingPayload(f.send, f.expect)
	}
	if f.send != "" || f.expect != "" {
		return nil, usage("leave --send and --expect out, or --probe",
			"--send and --expect have no effect with --probe")
	}
	return probePayload(f.probe)
}

// hasPort reports whether an address has a port. An IPv6 address without brackets has none.
func hasPort(addr string) bool {
	_, _, err := net.SplitHostPort(addr)
	return err == nil
}

// check checks the values of the flags.
func (f *pingFlags) check() error {
	switch {
	case f.count < 0:
		return usage("give a number of requests, or 0 for no limit", "--count %d is negative", f.count)
	case f.interval < 0:
		return usage("give a time such as 200ms", "--interval %v is negative", f.interval)
	case f.timeout <= 0:
		return usage("give a time such as 1s", "--timeout %v is not positive", f.timeout)
	case f.deadline < 0:
		return usage("give a time such as 30s, or 0 for no limit", "--deadline %v is negative", f.deadline)
	case f.deadline > 0 && f.timeout >= f.deadline && !f.mtu:
		return usage("choose a shorter --timeout or a longer --deadline",
			"--timeout %v: no request can be lost within --deadline %v", f.timeout, f.deadline)
	default:
		return errors.Join(f.checkPorts(), f.checkMTU())
	}
}

// ping pings a server and reports the results.
func (a *app) ping(ctx context.Context, f *pingFlags, target string) error {
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	if f.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.deadline)
		defer cancel()
	}
	if err := errors.Join(f.check(), a.checkLive(f)); err != nil {
		return err
	}
	check, err := newPingCheck(f)
	if err != nil {
		return err
	}
	payload, err := f.payload()
	if err != nil {
		return err
	}
	if payload.port > 0 && !hasPort(target) {
		target = net.JoinHostPort(strings.Trim(target, "[]"), strconv.Itoa(payload.port))
	}
	if err := checkHostPort(fmt.Sprintf("%q", target), target, 1); err != nil {
		return err
	}
	dialer, addr, err := f.route(ctx, payload, target)
	if err != nil {
		return err
	}
	switch {
	case f.mtu:
		return a.pingMTU(ctx, f, target, addr, dialer)
	case f.sourcePorts > 0:
		return a.newPortsPinger(f, payload, target, addr, dialer).run(ctx)
	}
	p := a.newPinger(f, payload, target, addr)
	p.check = check
	if *dialer != (measure.Dialer{}) {
		p.prober.Dial = dialer.Dial
	}
	a.startPingView(p)
	return p.run(ctx)
}

// isNear reports whether an address is loopback, private or link-local.
func isNear(addr string) bool {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return strings.HasPrefix(addr, ":") // this machine
	}
	ip := ap.Addr().Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
}
