package cli

import (
	"cmp"
	"context"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

type serveFlags struct {
	listen      []string
	listenGiven bool // --listen is not the default
	bufferSize  int
	transform   string
	graphemes   bool
	identity    string
	log         string
	logFormat   logFormat
	busyPoll    time.Duration
	spin        time.Duration // the former name of busyPoll
	shards      int
	http        httpFlags
	drainDelay  time.Duration
	admission   admissionFlags
	upgrade     upgradeFlags
	sandbox     sandboxFlags
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer every datagram with its text reversed and its case swapped",
		Long: `Answer every UDP datagram with its text reversed and its case swapped.

With --transform agnhost, identity or qcmp, the server answers as another service. A response
exceeds its request by at most the number of bytes in the last column. If it would exceed it by
more, or if the service does not answer such a request, the server sends no response and counts
the request as "silent":

` + serveResponders() + `

On SIGINT (Ctrl-C), SIGTERM or SIGHUP (the terminal closes) the server answers all datagrams
that the kernel has queued, prints a summary of the datagrams received, answered and dropped,
and exits with code 0. A second SIGINT or SIGTERM ends it at once. SIGHUP does not stop a server
that runs under nohup, reads a file of --allow or --deny, or has --upgrade-on HUP.

The server never waits for its log. If the reader of the log stalls or its disk is full, the
server discards lines, and writes their number when it can.

To prevent endless loops between two servers, the server drops datagrams from source ports
below 1024 and from its own ports, and counts them as "loop". If the same request and response
repeat without a pause, the server does not answer the 16th such request. If the client then
sends the request again after a pause, the server allows twice as many.

Source addresses can be forged, so the server limits how many responses it sends to each address
and prefix (--rate-limit), and how many more bytes it sends than it receives (--amplification).
It counts the dropped requests as "rate". These limits do not apply to loopback, private and
link-local addresses. With --allow and --deny it answers some sources only, and counts the
others as "denied". If --allow or --deny names a file, SIGHUP makes the server read the file
again, and the server keeps running. With --deny-in-kernel the kernel drops the datagrams of
--deny before it copies them to the server, which costs less, and counts them with the others
that it drops. It accepts about 1,000 prefixes; the server drops the sources of a longer list
itself.

On SIGUSR2 (--upgrade-on) the server starts the executable at the same path with the same
arguments and passes its sockets to it. When the new process is ready, the old one answers the
requests that it has read, prints its summary and exits. No request is lost. If the new process
exits or is not ready within 10 seconds, the old one says why and continues.

As a systemd service of Type=notify, the server uses the sockets of its socket unit. If it
binds a socket itself, it stores that socket in systemd's file descriptor store. Without
--listen, it serves all sockets that systemd passes to it. With --listen, it serves those with
the given addresses, binds the missing addresses and closes the other sockets.

After binding, the server drops the privileges that it does not need: it changes the user
(--user), sets no_new_privs, and restricts files (Landlock) and system calls (seccomp). It
prints one line with the state of each of these layers. It can still read the directories of
each @FILE, write to the directory of --pid-file, and start programs in the directory of its
executable. Its successor inherits the layers. With --sandbox require it refuses to start if a
layer is unavailable.`,
		Example: `  ohce serve
  ohce serve --listen 0.0.0.0:3000 --listen '[::1]:3001' --log none
  ohce serve --transform echo --buffer-size 1024
  ohce serve --transform identity --identity backend-1
  ohce serve --listen 0.0.0.0:3000 --allow 192.0.2.0/24 --deny @blocked.txt
  ohce serve --pid-file ohce.pid --upgrade-on HUP
  ohce serve --listen 0.0.0.0:7 --user ohce --sandbox require`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.listenGiven = cmd.Flags().Changed("listen")
			f.upgrade.given = cmd.Flags().Changed("upgrade-on")
			return a.serve(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&f.listen, "listen", []string{ohce.DefaultAddr},
		"listen on `HOST:PORT`; repeat it for several addresses; port 0 is a free port")
	flags.IntVar(&f.bufferSize, "buffer-size", 65535,
		"drop requests longer than `BYTES` and count them as oversize")
	flags.StringVar(&f.transform, "transform", "flip",
		"answer with the text transformed: `NAME` is flip (reverse and swap case), reverse, "+
			"swapcase or echo; or as another service: "+strings.Join(responderNames(), ", "))
	flags.BoolVar(&f.graphemes, "graphemes", false,
		"reverse by user-perceived characters instead of code points")
	flags.StringVar(&f.identity, "identity", "",
		"the `NAME` of this server in the responses of agnhost and identity (default the host name)")
	flags.StringVar(&f.log, "log", "auto",
		"print a line for each request: `WHEN` is auto (up to 100 lines a second), each or none")
	flags.StringVar((*string)(&f.logFormat), "log-format", string(plainLog),
		"write the log in `FORMAT`: plain, or as records in text (key=value) or json, each request "+
			"with its size and the duration of its handler")
	flags.DurationVar(&f.busyPoll, "busy-poll", 0,
		"poll for `TIME` before blocking: lower latency, higher CPU use")
	flags.DurationVar(&f.spin, "spin", 0, "former name of --busy-poll")
	_ = flags.MarkHidden("spin") // fails only if there is no such flag
	flags.IntVar(&f.shards, "shards", 0,
		"serve each address with `N` sockets in parallel (Linux); 0 means half the processors")
	f.http.register(flags)
	flags.DurationVar(&f.drainDelay, "drain-delay", 0,
		"after a signal, report at /readyz that the server ends, and serve for another `TIME`")
	f.admission.register(flags)
	f.upgrade.register(flags)
	f.sandbox.register(flags)
	completeFlag(cmd, "transform", append(flip.Names(), responderNames()...)...)
	completeFlag(cmd, "listen", ohce.DefaultAddr, "0.0.0.0:3000", "[::]:3000")
	completeFlag(cmd, "upgrade-on", "USR2", "HUP", "none")
	completeFlag(cmd, "log-format", logFormats...)
	completeFlag(cmd, "log", "auto", "each", "none")
	completeFlag(cmd, "sandbox", sandboxModes...)
	return cmd
}

const (
	maxShards     = 1024 // more than the number of processors of any machine
	maxDrainDelay = 10 * time.Minute
)

func (a *app) serve(ctx context.Context, f *serveFlags) error {
	handler, err := f.handler()
	if err != nil {
		return err
	}
	if f.bufferSize < 1 || f.bufferSize > 65535 {
		return usage("use 1 to 65535 bytes", "--buffer-size %d is not the length of a datagram",
			f.bufferSize)
	}
	busyPoll := cmp.Or(f.busyPoll, f.spin)
	if busyPoll < 0 || busyPoll > time.Second {
		return usage("use a time from 0 to 1s, such as 50us", "--busy-poll %v is out of range",
			busyPoll)
	}
	if f.shards < 0 || f.shards > maxShards {
		return usage("use 0 to "+strconv.Itoa(maxShards), "--shards %d is out of range", f.shards)
	}
	if f.drainDelay < 0 || f.drainDelay > maxDrainDelay {
		return usage("use a time from 0 to "+maxDrainDelay.String(), "--drain-delay %v is out of range",
			f.drainDelay)
	}
	if f.drainDelay > 0 && f.http.addr == "" {
		return usage("add an address, as in --http 127.0.0.1:9116", "--drain-delay needs --http")
	}
	if err := cmp.Or(f.http.check(), f.sandbox.check()); err != nil {
		return err
	}
	log, err := newRequestLog(a.err, f.log, f.logFormat)
	if err != nil {
		return err
	}
	a.log = newLogWriter(a.err, f.logFormat)
	defer a.log.close(nil)
	logger := a.log.logger()
	admission, err := newAdmission(&f.admission, logger)
	if err != nil {
		return err
	}
	if err := f.upgrade.check(admission.reloads()); err != nil {
		return err
	}
	srv := &ohce.Server{
		BufferSize: f.bufferSize, BusyPoll: busyPoll,
		Shards:   cmp.Or(f.shards, max(1, runtime.GOMAXPROCS(0)/2)),
		Handler:  handler,
		Guard:    admission.guard(),
		ErrorLog: logger,
	}
	return a.runServer(ctx, f, srv, log, admission)
}
