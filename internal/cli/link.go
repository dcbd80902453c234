package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/internal/sandbox"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
	"github.com/ohce/ohce/telemetry"
)

// The defaults of ohce link.
const (
	linkListen = "127.0.0.1:4000"
	linkTo     = "127.0.0.1:3000"
)

// linkGC is the percentage by which the heap grows between collections, unless GOGC sets another. With
// Go's 100, clients of the API that stall make the process exceed 64 MiB. Datagrams allocate little,
// so that collections are rare in any case.
const linkGC = 50

type linkFlags struct {
	listen, to string
	impairFlags
	at    []string
	seed  seedFlag
	idle  time.Duration
	ports int // new ones a second
	// portsPerAddress and newPortsPerAddress limit the clients with one address.
	portsPerAddress, newPortsPerAddress int

	api     apiFlags
	http    httpFlags
	trace   bool
	sandbox sandboxFlags
}

// A seedFlag is the value of --seed. Without the flag it is nil.
type seedFlag struct{ seed *uint64 }

func (f *seedFlag) Type() string { return "seed" }

func (f *seedFlag) String() string {
	if f.seed == nil {
		return ""
	}
	return strconv.FormatUint(*f.seed, 10)
}

func (f *seedFlag) Set(text string) error {
	seed, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		return errors.New("not a whole number from 0 to 18446744073709551615")
	}
	f.seed = &seed
	return nil
}

// addSpec adds the flags that describe a link, besides those of its addresses and impairments.
func (f *linkFlags) addSpec(flags *pflag.FlagSet) {
	flags.Var(&f.seed, "seed", "use the random seed `NUMBER`; without it, a random one")
	flags.DurationVar(&f.idle, "idle", relay.DefaultIdleTimeout,
		"close a client's port after `TIME` without datagrams")
	flags.IntVar(&f.ports, "max-new-ports", relay.DefaultMaxNewMappings,
		"open ports for at most `N` new clients a second")
	flags.IntVar(&f.portsPerAddress, "max-ports-per-address", relay.DefaultMaxMappingsPerAddress,
		"keep at most `N` ports open for the clients with one address (IPv6: one /64)")
	flags.IntVar(&f.newPortsPerAddress, "max-new-ports-per-address", relay.DefaultMaxNewMappingsPerAddress,
		"open at most `N` ports a second for the clients with one address")
}

func (a *app) linkCommand() *cobra.Command {
	f := linkFlags{}
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Put a bad network between clients and a server",
		Long: `Relay datagrams between clients and a server, and lose, delay, duplicate, corrupt or throttle
them on the way. Clients send to the link's address instead of the server's. The link
uses a separate source port for each client, as a NAT does.

A flag such as --loss applies to both directions. --up and --down change one of them, as in
--up loss=20%,delay=5ms. --like sets the parameters of a typical network, and the other flags
override them. --at changes parameters at a given time and can be repeated: --at '10s loss=50%'
--at '20s up.black_hole' (up. and down. select one direction). Time starts with the first
datagram. Each --at also discards the changes made with ohce link ctl.

A link must forward to a server or to another link, not in a ring. It drops requests that have
passed it before, and decrements the TTL of each request, as a router does.

All random decisions follow from --seed, which is printed. With the same seed, and without
--rate and --at, the n-th datagram in a direction has the same fate in every run. If a client
sends one message at a time, the whole run repeats. With several in flight, their order of
arrival can differ.

With --trace, the link prints a line for each datagram: the time, the name of the link, the
direction, the address of the client, the length, and the fate. The fate is "lost", or for each
copy that arrives "passed" or its delay, and what was changed in the copy. If the lines are not
read, the link discards them and counts them.

While the link runs, ohce link ctl lists, creates, changes and removes links. It uses an HTTP
API with JSON, which listens on the loopback interface unless --api says otherwise. There it
answers every user of this machine, unless --api-token-file requires a token. On any other
address it needs one. The first SIGINT or SIGTERM ends the link and prints a summary.

After binding, the link drops the privileges that it does not need, as ohce serve does: see
--user, --sandbox and ohce serve --help.

` + presetHelp(),
		Example: `  ohce link --loss 10% --delay 50ms±20ms       listen on 127.0.0.1:4000, forward to 127.0.0.1:3000
  ohce link --like lte --listen 0.0.0.0:4000 --to 192.0.2.7:3000
  ohce send --server 127.0.0.1:4000 Hello`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.link(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.listen, "listen", linkListen, "listen on `HOST:PORT`; port 0 is a free port")
	flags.StringVar(&f.to, "to", linkTo, "forward to the server at `HOST:PORT`")
	f.add(cmd)
	flags.StringArrayVar(&f.at, "at", nil,
		"change the link after a time: `'TIME LIST'` such as '10s loss=50%'")
	f.addSpec(flags)
	flags.BoolVar(&f.trace, "trace", false, "print a line for each datagram, with its fate")
	f.api.register(flags)
	f.http.register(flags)
	f.sandbox.register(flags)
	completeFlag(cmd, "sandbox", sandboxModes...)
	completeFlag(cmd, "listen", linkListen)
	completeFlag(cmd, "to", linkTo)
	cmd.AddCommand(a.linkCtlCommand())
	return cmd
}

// linkStats yields the names and the counters of the links of m.
func linkStats(m *linkapi.Manager) iter.Seq2[string, relay.Stats] {
	return func(yield func(string, relay.Stats) bool) {
		for _, s := range m.List() {
			if !yield(s.Name, s.Stats) {
				return
			}
		}
	}
}

// presetHelp lists the presets with their impairments.
func presetHelp() string {
	var b strings.Builder
	b.WriteString("Kinds of network, in round figures:\n")
	for _, p := range link.Presets() {
		fmt.Fprintf(&b, "  %s: %s\n", p.Name, p.Description)
		if p.Up == p.Down {
			fmt.Fprintf(&b, "      each way: %v\n", p.Up)
			continue
		}
		fmt.Fprintf(&b, "      up: %v\n      down: %v\n", p.Up, p.Down)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (a *app) link(ctx context.Context, f *linkFlags) error {
	spec, err := f.spec()
	if err != nil {
		return err
	}
	if err := cmp.Or(f.http.check(), f.sandbox.check()); err != nil {
		return err
	}
	if err := f.sandbox.lookUp(false); err != nil {
		return err
	}
	ignoreBrokenPipes()
	if _, given := a.lookupEnv("GOGC"); !given {
		defer debug.SetGCPercent(debug.SetGCPercent(linkGC))
	}
	m := &linkapi.Manager{}
	defer m.Close()
	a.log = newLogWriter(a.err, plainLog)
	defer a.log.close(nil)
	if f.trace {
		m.Observe = a.traceLink
	}
	s, err := m.Create(ctx, *spec)
	if err != nil {
		return createError(err)
	}
	m.Changed = a.printChange // of the API, which does not serve yet
	api, err := a.serveLinks(&f.api, m)
	if err != nil {
		return err
	}
	defer api.Close()
	mon := newMonitor(&f.http)
	defer mon.close()
	mon.registry.MustRegister(telemetry.NewLinkCollector(linkStats(m), nil))
	if err := mon.open(ctx, nil); err != nil {
		return err
	}
	mon.showLinks(m)
	printTitle(a.err, s)
	printImpairments(a.err, s)
	if api.addr != "" {
		fmt.Fprintf(a.err, "API: http://%s/links\n", api.addr)
		if api.remote {
			fmt.Fprintln(a.err, "Other machines can use the API with the token, which HTTP does not encrypt.")
		}
	}
	mon.report(a.err)
	if err := enterSandbox(a.err, &f.sandbox, f.http.policy(sandbox.Policy{})); err != nil {
		return err
	}
	mon.start(a.log)
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	select {
	case <-ctx.Done():
	case err := <-api.failed:
		return &failure{what: fmt.Sprintf("the API failed: %v", err), code: exitFail}
	}
	mon.close()
	a.log.close(nil)
	for _, s := range m.Close() {
		if s.Name != "link-1" {
			fmt.Fprintf(a.err, "%s:\n", s.Name)
		}
		printStats(a.err, &s.Stats)
	}
	return nil
}

func (f *linkFlags) spec() (*linkapi.Spec, error) {
	if err := checkAddress("listen", f.listen); err != nil {
		return nil, err
	}
	if err := checkAddress("to", f.to); err != nil {
		return nil, err
	}
	if f.idle <= 0 {
		return nil, usage("write a duration, such as 1m", "--idle %v is not a positive duration", f.idle)
	}
	for _, limit := range []struct {
		flag string
		n    int
	}{
		{"max-new-ports", f.ports},
		{"max-ports-per-address", f.portsPerAddress},
		{"max-new-ports-per-address", f.newPortsPerAddress},
	} {
		if limit.n <= 0 {
			return nil, usage("write a number, such as 1000", "--%s %d is not a positive number", limit.flag, limit.n)
		}
	}
	s := &linkapi.Spec{
		Listen: f.listen, To: f.to, Seed: f.seed.seed, Idle: f.idle, MaxNewPorts: f.ports,
		MaxPortsPerAddress: f.portsPerAddress, MaxNewPortsPerAddress: f.newPortsPerAddress,
	}
	var err error
	if s.Up, s.Down, err = f.impairments(); err != nil {
		return nil, err
	}
	if s.Schedule, err = parseSchedule(f.at, s.Up, s.Down); err != nil {
		return nil, err
	}
	if err := f.checkEffect(s.Up, s.Down, s.Schedule); err != nil {
		return nil, err
	}
	// A flag can remove what another value of a preset needs, as in --like satellite --rate 0.
	s.Up, s.Down, s.Schedule = s.Up.Effective(), s.Down.Effective(), effective(s.Schedule)
	return s, nil
}

// effective returns the phases without the values that have no effect.
func effective(phases []link.Phase) (all []link.Phase) {
	for _, p := range phases {
		all = append(all, link.Phase{At: p.At, Up: p.Up.Effective(), Down: p.Down.Effective()})
	}
	return all
}

// parseSchedule parses the phases of --at. Each one changes the one before it.
func parseSchedule(texts []string, up, down link.Impairment) (all []link.Phase, err error) {
	p := link.Phase{Up: up, Down: down}
	const example = "write a time and settings, as in --at '10s loss=50%'"
	if len(texts) > linkapi.MaxPhases {
		return nil, usage("shorten the schedule", "--at is given %d times: a schedule has at most %d phases",
			len(texts), linkapi.MaxPhases)
	}
	for i, text := range texts {
		when, list, _ := strings.Cut(strings.TrimSpace(text), " ")
		at, err := time.ParseDuration(when)
		switch {
		case err != nil || at < 0:
			return nil, usage(example, "--at %q: %q is not a time", text, when)
		case i > 0 && at < p.At:
			return nil, usage("sort the times", "--at %q: the time is before the preceding one", text)
		case strings.TrimSpace(list) == "":
			return nil, usage(example, "--at %q: missing settings after the time", text)
		}
		p.At = at
		ups, downs := splitDirections(list)
		if err := p.Up.UnmarshalText([]byte(ups)); err != nil {
			return nil, listError("at", err)
		}
		if err := p.Down.UnmarshalText([]byte(downs)); err != nil {
			return nil, listError("at", err)
		}
		all = append(all, p)
	}
	return all, checkPhases(texts, all)
}

// checkPhases checks that each setting of --at has an effect in its phase or in a later one.
func checkPhases(texts []string, all []link.Phase) error {
	for i, text := range texts {
		_, list, _ := strings.Cut(strings.TrimSpace(text), " ")
		ups, downs := splitDirections(list)
		if err := checkEffect(link.ListFields([]byte(ups)), link.ListFields([]byte(downs)), all[i:]); err != nil {
			return listError("at", err)
		}
	}
	return nil
}

// splitDirections splits a list into one for each direction. A name without up. or down. applies to
// both.
func splitDirections(list string) (up, down string) {
	for _, part := range strings.FieldsFunc(list, func(r rune) bool { return r == ' ' || r == ',' }) {
		if rest, ok := strings.CutPrefix(part, "up."); ok {
			up += rest + " "
		} else if rest, ok := strings.CutPrefix(part, "down."); ok {
			down += rest + " "
		} else {
			up, down = up+part+" ", down+part+" "
		}
	}
	return up, down
}

// createError returns the failure for a link that cannot be created. A link that cannot work because
// of its own flags is wrong usage.
func createError(err error) error {
	var e *linkapi.Error
	if !errors.As(err, &e) {
		return &failure{what: err.Error(), code: exitFail}
	}
	f := &failure{what: e.Message, hint: e.Hint, code: exitFail}
	if e.Field != "listen" && (e.Field != "to" || e.Status == http.StatusConflict) {
		f.hint, f.code = cmp.Or(f.hint, "see ohce link --help"), exitUsage
	}
	return f
}
