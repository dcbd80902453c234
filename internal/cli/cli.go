// Package cli is the command ohce: it reads flags, calls the library, and is the only place that
// prints or chooses an exit code.
//
// # Conventions
//
//   - Results go to standard output, everything else to standard error.
//   - An error is one line "ohce: " with the cause and one line "hint: " with the next step.
//   - The exit code is 0 on success, 1 if a request was not answered or the command failed, and 2 if
//     the command line is wrong. See exitStatus for the others.
//   - Each flag can be set by an environment variable that names the command and the flag, such as
//     OHCE_SERVE_LISTEN.
//   - Colours and prompts appear on terminals only. If NO_COLOR is set, there are no colours.
package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/handover"
	"github.com/ohce/ohce/internal/descriptors"
)

// The exit codes.
const (
	exitOK    = 0
	exitFail  = 1
	exitUsage = 2

	exitUntrusted = 3 // ohce load: the figures describe this machine; load compare: no clear result

	// ohce ping without a right response:
	exitRefused     = 4
	exitUnreachable = 5
	exitWrongAnswer = 6
	exitNotSent     = 7
)

// exitStatus describes the exit codes for help and man pages.
var exitStatus = []struct {
	code    int
	command string // the only command for which this holds; if empty, all commands without such an entry
	meaning string
}{
	{exitOK, "", "success; also when a signal stops ohce serve, ohce link, ohce exporter or ohce lab"},
	{exitOK, "ping", "a request had a right response; with --source-ports, no port failed"},
	{exitOK, "load", "the figures are trustworthy, whatever the loss; also after Ctrl-C"},
	{exitOK, "load compare", "no figure is worse or unclear"},
	{exitFail, "", "a request was not answered, or the command failed or was interrupted"},
	{exitFail, "ping", "the last request had no response; a source port failed; or the command failed"},
	{exitFail, "load", "no right response arrived; no rate is within the limits; or the command failed"},
	{exitFail, "load compare", "a figure is worse by more than its threshold, or the command failed"},
	{exitUsage, "", "wrong command line or environment variable"},
	{int(pluginUnknown), "ping", "with --warn or --crit: UNKNOWN; 0 is then OK, 1 WARNING and 2 CRITICAL"},
	{exitUntrusted, "load", "the figures describe this machine rather than the server"},
	{exitUntrusted, "load compare", "a figure is unclear, or a report is too short or not trustworthy"},
	{exitRefused, "ping", "the port is unreachable"},
	{exitUnreachable, "ping", "the host or the network is unreachable"},
	{exitWrongAnswer, "ping", "the server sent something else than the right response"},
	{exitNotSent, "ping", "this system did not send the request"},
}

// An app is the command together with its standard streams, environment and signals.
type app struct {
	in        io.Reader
	out, err  io.Writer
	lookupEnv func(string) (string, bool)
	environ   func() []string  // each variable as NAME=VALUE
	signals   <-chan os.Signal // SIGINT, SIGTERM and SIGHUP

	stopSignals func()                // restores the default effect of SIGINT and SIGTERM and ignores SIGHUP
	signaled    atomic.Bool           // a signal has arrived
	inherited   *handover.Inheritance // the sockets passed to ohce serve
	onHangup    func()                // if not nil, SIGHUP calls it and ends nothing
	log         *logWriter            // the messages of ohce serve

	variables map[string]string // the flags that were set by environment variables, with their names
}

// Main runs the command with the process's arguments and returns its exit code.
func Main() int {
	descriptors.Release()
	signals, stop := notifySignals()
	defer stop()
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, lookupEnv: os.LookupEnv,
		environ: os.Environ, signals: signals, stopSignals: stop,
	}
	return a.run(context.Background(), os.Args[1:])
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	return a.report(a.pluginFailure(root, args, err))
}

// command builds the command tree.
func (a *app) command() *cobra.Command {
	var root *cobra.Command
	root = &cobra.Command{
		Use:   "ohce",
		Short: "Toolkit for UDP request-response services",
		Long: `ohce is a toolkit for UDP request-response services: it serves, it sends requests to any UDP
server, it measures UDP services, and it simulates a bad network. Its built-in service
reverses the text of each datagram and swaps its case, so that Hello becomes OLLEh.

Responses go to standard output, everything else to standard error. Each flag can be set by
an environment variable: see ohce help environment.`,
		Example: `  ohce demo                        see an exchange through a lossy network
  ohce lab                         watch one in a web browser
  ohce serve                       serve on 127.0.0.1:3000
  ohce send Hello                  send to 127.0.0.1:3000 and print OLLEh
  ohce ping                        measure the round-trip time and the loss
  ohce link --loss 10%             listen on 127.0.0.1:4000, forward to 127.0.0.1:3000, lose 10 % each way`,
		Version:       moduleVersion(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,

		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if strings.HasPrefix(cmd.Name(), cobra.ShellCompRequestCmd) {
				prepareCompletion(root)
			}
			if err := checkDescriptors(cmd); err != nil {
				return err
			}
			return a.setFromEnv(cmd)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(parseFailure)
	root.AddCommand(a.serveCommand(), a.sendCommand(), a.pingCommand(), a.loadCommand(), a.linkCommand(),
		a.exporterCommand(), a.demoCommand(), a.labCommand(), a.versionCommand())
	addUsageFooter(root)
	addHelpCommand(root)
	addCompletionCommand(root)
	describeBuiltIns(root)
	addEnvironmentTopic(root)
	return root
}
