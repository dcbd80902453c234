package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/link"
	"github.com/ohce/ohce/link/relay"
)

// What ohce link does without flags.
const (
	linkListen = "127.0.0.1:4000"
	linkTo     = "127.0.0.1:3000"
)

type linkFlags struct {
	listen, to string
	impairFlags
	at   []string
	seed uint32
	idle time.Duration
	api  string
}

func (a *app) linkCommand() *cobra.Command {
	f := linkFlags{}
	cmd := &cobra.Command{
		Use:   "link",
		Short: "Put a bad network between clients and a server",
		Long: `Pass datagrams between clients and a server, and lose, delay, double, damage or hold up some
of them on the way. Clients ask the link's address instead of the server's; each has a port
of its own towards the server, as behind an address translator.

A flag such as --loss counts for both directions; --up and --down change one of them, as in
--up loss=20%,delay=5ms. --like begins with the parameters of a kind of network, which the
other flags change. --at changes them later, as often as it is given: --at '10s loss=50%'
--at '20s up.black_hole' (up. and down. mean one direction). Its clock begins with the first
datagram, and at each of its times what ctl has changed meanwhile is over.

Everything left to chance follows from --seed, which is printed: with the same seed the n-th
datagram of a direction has the same fate. So have messages that are sent one at a time; of
those that are under way at once, which one is the n-th is not the link's choice.

While it runs, ohce link ctl lists, creates, changes and removes links, through an HTTP API
with JSON that has no passwords and is on the loopback interface unless --api says otherwise.
The first SIGINT or SIGTERM ends it, and a summary says what it did to the traffic.

` + presetHelp(),
		Example: `  ohce link --loss 10% --delay 50ms±20ms       127.0.0.1:4000 -> 127.0.0.1:3000
  ohce link --like lte --listen 0.0.0.0:4000 --to 192.0.2.7:3000
  ohce send --server 127.0.0.1:4000 Hello`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.link(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.listen, "listen", linkListen, "`HOST:PORT` that clients ask; port 0 is any free one")
	flags.StringVar(&f.to, "to", linkTo, "the server's `HOST:PORT`")
	f.add(cmd)
	flags.StringArrayVar(&f.at, "at", nil, "so long after the first datagram, do otherwise: `'TIME LIST'` as '10s loss=50%'")
	flags.Uint32Var(&f.seed, "seed", 0, "decide by `NUMBER`; by chance if not given")
	flags.DurationVar(&f.idle, "idle", relay.DefaultIdle, "forget a client's port after `TIME` in silence")
	flags.StringVar(&f.api, "api", linkapi.DefaultAddr, "`HOST:PORT` of the API; port 0 is any free one, "+
		"none is no API")
	completeFlag(cmd, "listen", linkListen)
	completeFlag(cmd, "to", linkTo)
	cmd.AddCommand(a.linkCtlCommand())
	cmd.PreRun = func(cmd *cobra.Command, _ []string) {
		if !cmd.Flags().Changed("seed") {
			f.seed = rand.Uint32()
		}
	}
	return cmd
}

// presetHelp lists the presets with what they do.
func presetHelp() string {
	var b strings.Builder
	b.WriteString("Kinds of network, in round figures:\n")
	for _, p := range link.Presets() {
		fmt.Fprintf(&b, "  %s: %s\n", p.Name, p.Says)
		if p.Up == p.Down {
			fmt.Fprintf(&b, "      each way: %v\n", &p.Up)
			continue
		}
		fmt.Fprintf(&b, "      up: %v\n      down: %v\n", &p.Up, &p.Down)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (a *app) link(ctx context.Context, f *linkFlags) error {
	spec, err := f.spec()
	if err != nil {
		return err
	}
	m := &linkapi.Manager{}
	defer m.Close()
	s, err := m.Create(ctx, *spec)
	if err != nil {
		return explainLink(f, err)
	}
	api, err := a.serveLinks(f.api, m)
	if err != nil {
		return err
	}
	defer api.Close()
	fmt.Fprintf(a.err, "Listening to %s for %s, seed %d, as %s\n", s.Listen, s.To, s.Seed, s.Name)
	printImpairments(a.err, s)
	if api.addr != "" {
		fmt.Fprintf(a.err, "API: http://%s/links\n", api.addr)
		if ap, err := netip.ParseAddrPort(api.addr); err == nil && !ap.Addr().Unmap().IsLoopback() {
			fmt.Fprintln(a.err, "The API has no passwords, and others than this machine can reach it.")
		}
	}
	ctx, stop := a.untilSignal(ctx, true)
	defer stop()
	select {
	case <-ctx.Done():
	case err := <-api.failed:
		return &failure{what: fmt.Sprintf("the API has ended: %v", err), code: exitFail}
	}
	for _, s := range m.List() {
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
		return nil, usage("write a time, as 1m", "--idle %v is not a time", f.idle)
	}
	seed := uint64(f.seed)
	s := &linkapi.Spec{Listen: f.listen, To: f.to, Seed: &seed, Idle: f.idle}
	var err error
	if s.Up, s.Down, err = f.impairments(); err != nil {
		return nil, err
	}
	s.Schedule, err = parseSchedule(f.at, s.Up, s.Down)
	return s, err
}

// parseSchedule reads phases, of which each changes the one before it.
func parseSchedule(texts []string, up, down link.Impairment) (all []link.Phase, err error) {
	p := link.Phase{Up: up, Down: down}
	for i, text := range texts {
		when, list, _ := strings.Cut(strings.TrimSpace(text), " ")
		at, err := time.ParseDuration(when)
		if err != nil || at < 0 {
			return nil, usage("write a time and a list, as --at '10s loss=50%'", "--at %q: %q is not a time", text,
				when)
		}
		if i > 0 && at < p.At {
			return nil, usage("write the times in their order", "--at %q: comes before the one that precedes it",
				text)
		}
		p.At = at
		if strings.TrimSpace(list) == "" {
			return nil, usage("write a time and a list, as --at '10s loss=50%'", "--at %q: says not what is to change",
				text)
		}
		ups, downs := splitWays(list)
		if err := p.Up.Apply(ups); err != nil {
			return nil, listError("at", err)
		}
		if err := p.Down.Apply(downs); err != nil {
			return nil, listError("at", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// splitWays makes a list for each direction of one in which up. and down. mean one of them.
func splitWays(list string) (up, down string) {
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

// explainLink says why a link could not be made.
func explainLink(f *linkFlags, err error) error {
	var e *linkapi.Error
	switch {
	case !errors.As(err, &e):
		return &failure{what: err.Error(), code: exitFail}
	case e.Field == "listen" && e.Status == http.StatusConflict:
		return &failure{what: fmt.Sprintf("cannot listen on %s: the port is taken", f.listen),
			hint: "choose another port with --listen, or port 0 for any free one", code: exitFail}
	case e.Field == "listen":
		return &failure{what: "cannot listen: " + e.Message, code: exitFail,
			hint: "it must be an address of this machine; 0.0.0.0 and [::] stand for all of them"}
	case e.Field == "to":
		return &failure{what: e.Message, hint: "check the name, or give an IP address", code: exitFail}
	default:
		return &failure{what: e.Message, hint: "see ohce link --help", code: exitUsage}
	}
}

// An apiServer serves the API; with an empty addr it does not.
type apiServer struct {
	addr   string
	http   *http.Server
	failed chan error
}

// Close ends it. What it is just answering is cut short.
func (s *apiServer) Close() {
	if s.http != nil {
		s.http.Close()
	}
}

// serveLinks begins to serve the API of m.
func (a *app) serveLinks(addr string, m *linkapi.Manager) (*apiServer, error) {
	s := &apiServer{failed: make(chan error, 1)}
	if addr == "none" {
		return s, nil
	}
	if err := checkAddress("api", addr); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, &failure{what: fmt.Sprintf("cannot listen on %s: %v", addr, innermost(err)), code: exitFail,
			hint: "if an ohce link runs there, add a link to it with: ohce link ctl create; " +
				"else choose another address with --api, or none"}
	}
	s.addr = l.Addr().String()
	s.http = &http.Server{Handler: m, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	go func() { s.failed <- s.http.Serve(l) }() // ends with Close
	return s, nil
}

// printImpairments tells what a link does.
func printImpairments(w io.Writer, s *linkapi.Status) {
	fmt.Fprintf(w, "  up: %v\n  down: %v\n", &s.Up, &s.Down)
	for _, p := range s.Schedule {
		fmt.Fprintf(w, "  %v after the first datagram, up: %v\n  %v after the first datagram, down: %v\n", p.At,
			&p.Up, p.At, &p.Down)
	}
}

// printStats tells what a link has done.
func printStats(w io.Writer, s *linkapi.Stats) {
	fmt.Fprintf(w, "up: %s\ndown: %s\n", wayText(&s.Up), wayText(&s.Down))
	fmt.Fprintf(w, "ports: opened %d, expired %d", s.Opened, s.Expired)
	for _, c := range []count{
		{"requests without a port", s.NoPort}, {"refused by the server", s.Refused}, {"read errors", s.Errors},
	} {
		if c.n > 0 {
			fmt.Fprintf(w, ", %s %d", c.name, c.n)
		}
	}
	fmt.Fprintln(w)
}

// A count is a number with its name.
type count struct {
	name string
	n    uint64
}

// wayText lists what happened in one direction, without what did not.
func wayText(w *linkapi.Way) string {
	text := fmt.Sprintf("received %d, sent %d", w.Received, w.Sent)
	for _, c := range []count{
		{"lost", w.Lost}, {"overflowed the queue", w.Overflow}, {"black-holed", w.BlackHoled},
		{"longer than the MTU", w.TooLong}, {"doubled", w.Duplicated}, {"reordered", w.Reordered},
		{"corrupted", w.Corrupted}, {"cut", w.Truncated}, {"rebound", w.Rebound}, {"waiting", w.Waiting},
		{"for a forgotten port", w.Forgotten}, {"without room to wait", w.Crowded},
		{"refused by the kernel", w.Unsent}, {"oversize", w.Oversize},
		{"dropped by the kernel", w.KernelDropped},
	} {
		if c.n > 0 {
			text += fmt.Sprintf(", %s %d", c.name, c.n)
		}
	}
	return text
}
