package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	toolkit "github.com/prometheus/exporter-toolkit/web"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ohce/ohce/internal/exporter"
	"github.com/ohce/ohce/internal/web"
)

// exporterAddr is the default address of ohce exporter, which is that of the blackbox exporter.
const exporterAddr = ":9115"

// exporterMemory is the size in bytes up to which the garbage collector keeps the memory of Go, unless
// the variable GOMEMLIMIT sets another one. With it, 10,000 targets that do not answer, probed within
// 15 s, need less than 256 MiB.
const exporterMemory = 176 << 20

type exporterFlags struct {
	file      string
	check     bool
	listen    string
	offset    secondsValue
	webConfig string
	hosts     []string
	maxProbes int
	level     string
	format    string
}

// exporterAliases are the flags of the blackbox exporter that have other names here.
var exporterAliases = map[string]string{
	"web.listen-address": "listen",
	"log.format":         "log-format",
}

// logLevels are the values of --log.level.
var logLevels = []string{"debug", "info", "warn", "error"}

// exporterLogFormats are the values of --log-format. logfmt is the name that the blackbox exporter uses.
var exporterLogFormats = []string{"text", "logfmt", "json"}

func (a *app) exporterCommand() *cobra.Command {
	var f exporterFlags
	cmd := &cobra.Command{
		Use:   "exporter",
		Short: "Probe UDP services for Prometheus",
		Long: `Serve probes of UDP services over HTTP, as the blackbox exporter does for other protocols:

  /probe?target=HOST:PORT&module=NAME

A probe sends the requests of a module to the target and responds with metrics: probe_success,
probe_duration_seconds, and what happened to each request: answered, lost, wrong, refused,
unreachable or unsent. With debug=true, it responds with a log and a sequence diagram instead.

A module is a section of --config.file, which has the keys of the blackbox exporter: change
prober: tcp and tcp: to udp, and query_response works as it is. These modules exist without a
file: ` + strings.Join(slices.Sorted(maps.Keys(exporter.Default().Modules)), ", ") + `.

The file can also list targets to watch permanently. ohce then sends each of them a request at
fixed times, whether or not Prometheus asks, so that a loss of 1 in 1,000 is visible.

  /metrics      metrics of the exporter and of the watched targets
  /             the latest probes
  /config       the configuration file
  /-/healthy    responds if the exporter runs
  /-/reload     with POST: read the file again, as on SIGHUP; a wrong file changes nothing

Any client that reaches the address can make ohce send requests to any target. Listen on a loopback
address, or require a password or a certificate with --web.config.file, whose format is that of
the other exporters (TLS, basic authentication).

A probe ends --timeout-offset before the time limit that Prometheus sends, and at the latest after
the timeout of its module.`,
		Example: `  ohce exporter --listen 127.0.0.1:9115
  ohce exporter --config.file modules.yml
  ohce exporter --config.file modules.yml --config.check
  curl 'http://127.0.0.1:9115/probe?module=dns&target=192.0.2.53&debug=true'`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.exporter(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.file, "config.file", "", "read modules and targets from `FILE`; without it, there are the ready-made modules")
	flags.BoolVar(&f.check, "config.check", false, "check the file and exit: 0 if it is valid, 1 otherwise")
	flags.StringVar(&f.listen, "listen", exporterAddr, "listen on `HOST:PORT`; port 0 is a free port (alias: --web.listen-address)")
	f.offset = secondsValue(500 * time.Millisecond)
	flags.Var(&f.offset, "timeout-offset", "end a probe `TIME` before the time limit of Prometheus; a number is in seconds")
	flags.StringVar(&f.webConfig, "web.config.file", "", "read TLS and basic authentication from `FILE`")
	flags.StringSliceVar(&f.hosts, "web.host", nil,
		"also show the pages to browsers that use `NAME` instead of the address; repeatable")
	flags.IntVar(&f.maxProbes, "max-probes", exporter.DefaultMaxProbes, "probe at most `N` targets at the same time")
	flags.StringVar(&f.level, "log.level", "info", "log messages from `LEVEL` on: "+strings.Join(logLevels, ", "))
	flags.StringVar(&f.format, "log-format", "text", "log in `FORMAT`: text or json")
	flags.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if flag, ok := exporterAliases[name]; ok {
			name = flag
		}
		return pflag.NormalizedName(name)
	})
	completeFlag(cmd, "log.level", logLevels...)
	completeFlag(cmd, "log-format", "text", "json")
	return cmd
}

// A secondsValue is a time as the value of a flag. A number without a unit is in seconds, as for the
// blackbox exporter.
type secondsValue time.Duration

func (v *secondsValue) String() string { return time.Duration(*v).String() }
func (v *secondsValue) Type() string   { return "duration" }

func (v *secondsValue) Set(text string) error {
	d, err := time.ParseDuration(text)
	if seconds, e := strconv.ParseFloat(text, 64); e == nil && math.Abs(seconds) < 1e6 {
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	*v = secondsValue(d)
	return err
}

// exporter serves probes until a signal arrives.
func (a *app) exporter(ctx context.Context, f *exporterFlags) error {
	if err := f.checkValues(); err != nil {
		return err
	}
	if f.check {
		return a.checkConfig(f.file)
	}
	if err := toolkit.Validate(f.webConfig); err != nil {
		return &failure{what: fmt.Sprintf("--web.config.file %s: %v", f.webConfig, rootCause(err)), code: exitFail,
			hint: "see https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md"}
	}
	if _, given := a.lookupEnv("GOMEMLIMIT"); !given {
		debug.SetMemoryLimit(exporterMemory)
	}
	ignoreBrokenPipes()
	a.log = newLogWriter(a.err, plainLog) // the records have their format already
	defer a.log.close(nil)
	log := f.logger(a.log)
	e, err := exporter.New(exporter.Options{
		File: f.file, TimeoutOffset: time.Duration(f.offset), MaxProbes: f.maxProbes, Hosts: f.allowedHosts(), Log: log,
	})
	if err != nil {
		return configFailure(err)
	}
	defer e.Close()
	return a.serveExporter(ctx, f, e, log)
}

// serveExporter listens and serves until a signal arrives.
func (a *app) serveExporter(ctx context.Context, f *exporterFlags, e *exporter.Exporter, log *slog.Logger) error {
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return &failure{what: fmt.Sprintf("cannot listen on %s: %v", f.listen, rootCause(err)), code: exitFail,
			hint: "choose another address with --listen, such as 127.0.0.1:0"}
	}
	a.onHangup = func() { reloadConfig(e, f.file, log) }
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	log.Info(fmt.Sprintf("exporter: listening on %s, with %s and %s", l.Addr(),
		plural(len(e.Config().Modules), "module"), plural(len(e.Config().Targets), "watched target")))
	// Each probe has a connection, and some are idle between two scrapes.
	srv := &web.Server{Handler: e.Handler(), MaxConnections: 2*f.maxProbes + web.DefaultMaxConnections}
	failed := make(chan error, 1)
	go func() { // ends with Close
		quiet := slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		failed <- toolkit.Serve(l, srv.HTTP(), &toolkit.FlagConfig{WebConfigFile: &f.webConfig}, quiet)
	}()
	select {
	case <-ctx.Done():
		srv.Close()
		<-failed
		return nil
	case err := <-failed:
		l.Close()
		return &failure{what: fmt.Sprintf("the server of HTTP failed: %v", rootCause(err)), code: exitFail}
	}
}

// checkValues checks the values of the flags.
func (f *exporterFlags) checkValues() error {
	if err := checkAddress("listen", f.listen); err != nil {
		return err
	}
	switch {
	case f.check && f.file == "":
		return usage("name the file with --config.file", "--config.check needs a file")
	case f.offset < 0:
		return usage("give a time such as 500ms", "--timeout-offset %s is negative", &f.offset)
	case f.maxProbes < 1 || f.maxProbes > 1<<20:
		return usage("use 1 to 1048576", "--max-probes %d is out of range", f.maxProbes)
	case !slices.Contains(logLevels, f.level):
		return usage("choose one of "+strings.Join(logLevels, ", "), "--log.level %q: unknown value", f.level)
	case !slices.Contains(exporterLogFormats, f.format):
		return usage("choose text or json", "--log-format %q: unknown value", f.format)
	}
	return nil
}

// allowedHosts returns the names by which browsers may open the pages, besides the address: those of
// --web.host and the name of this machine.
func (f *exporterFlags) allowedHosts() []string {
	hosts := slices.Clone(f.hosts)
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	return hosts
}

// logger returns the logger that writes to w.
func (f *exporterFlags) logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{}
	var level slog.Level
	if level.UnmarshalText([]byte(f.level)) == nil {
		opts.Level = level
	}
	if f.format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// checkConfig checks a configuration file and prints what it has.
func (a *app) checkConfig(file string) error {
	c, err := exporter.Load(file)
	if err != nil {
		return configFailure(err)
	}
	own := len(c.Modules) - len(exporter.Default().Modules)
	if _, err := fmt.Fprintf(a.out, "%s is valid: %s of its own, %s\n", file, plural(own, "module"),
		plural(len(c.Targets), "watched target")); err != nil {
		return outputFailure(err)
	}
	return nil
}

// configFailure returns the failure for a configuration that cannot be loaded.
func configFailure(err error) error {
	f := &failure{what: err.Error(), code: exitFail}
	var e *exporter.Error
	if errors.As(err, &e) {
		f.hint = e.Hint
	}
	return f
}

// reloadConfig reads the configuration file again.
func reloadConfig(e *exporter.Exporter, file string, log *slog.Logger) {
	if err := e.Reload(); err != nil {
		log.Error("the configuration is unchanged", "error", err)
		return
	}
	log.Info("the configuration is loaded", "file", file)
}
