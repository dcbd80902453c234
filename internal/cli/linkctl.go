package cli

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/internal/linkapi"
	"github.com/ohce/ohce/link"
)

type ctlFlags struct {
	api     string
	token   tokenFile
	timeout time.Duration
	json    bool
	clear   bool
	link    linkFlags
}

func (a *app) linkCtlCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ctl",
		Short: "List, create, change and remove links while they run",
		Long: `List, create, change and remove the links of a running ohce link, through its API. Commands print
the impairments of the link after the change; remove prints its counters.

A change lasts until the next time of the schedule (--at). --like and --clear replace all
impairments, the other flags only those that they name; a flag such as --loss 0 resets one.
ctl schedule replaces or removes the schedule.`,
		Example: `  ohce link ctl list
  ohce link ctl create far --listen 127.0.0.1:4001 --to 127.0.0.1:3000 --like satellite
  ohce link ctl change far --loss 30%
  ohce link ctl change far --clear
  ohce link ctl schedule far --at '10s loss=50%' --at '20s loss=0'
  ohce link ctl remove far`,
		Args: noSuchCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		a.ctlCommand("list", "List all links", "", a.ctlList),
		a.ctlCommand("show NAME", "Show a link and its counters", "", a.ctlShow),
		a.ctlCommand("create [NAME]", "Create a link", "spec", a.ctlCreate),
		a.ctlCommand("change NAME", "Change the impairments of a link", "change", a.ctlChange),
		a.ctlCommand("schedule NAME", "Replace or remove the schedule of a link", "schedule", a.ctlSchedule),
		a.ctlCommand("remove NAME", "Remove a link", "", a.ctlRemove),
	)
	return cmd
}

// ctlCommand returns a subcommand. needs selects its flags: those of a whole "spec", of a "change",
// of a "schedule", or none.
func (a *app) ctlCommand(use, short, needs string,
	run func(ctx context.Context, c *linkapi.Client, f *ctlFlags, name string) error) *cobra.Command {
	f := &ctlFlags{}
	cmd := &cobra.Command{Use: use, Short: short, ValidArgsFunction: cobra.NoFileCompletions}
	if strings.HasSuffix(use, " NAME") {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) (
			[]string, cobra.ShellCompDirective) {
			_ = a.setFromEnv(cmd) // without the variables the API has its default address
			return f.linkNames(cmd.Context(), args), cobra.ShellCompDirectiveNoFileComp
		}
	}
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) > 1:
			return usage(seeHelp(cmd), "%s takes one name: unexpected %q", cmd.Name(), args[1])
		case len(args) == 0 && use == cmd.Name()+" NAME":
			return usage("list the links with: ohce link ctl list", "%s needs the name of a link", cmd.Name())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := checkAddress("api", f.api); err != nil {
			return err
		}
		if f.timeout <= 0 {
			return usage("write a duration, such as 10s", "--timeout %v is not a positive duration", f.timeout)
		}
		token, err := a.readToken(&f.token)
		if err != nil {
			return err
		}
		ctx, stop := a.untilSignal(cmd.Context(), true)
		defer stop()
		ctx, cancel := context.WithTimeout(ctx, f.timeout)
		defer cancel()
		name := ""
		if len(args) > 0 {
			name = args[0]
		}
		c := &linkapi.Client{Addr: f.api, Token: token, Timeout: f.timeout}
		return ctlError(f, run(ctx, c, f, name))
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.api, "api", linkapi.DefaultAddr, "use the API of ohce link at `HOST:PORT`")
	f.token.flag = "token-file"
	flags.StringVar(&f.token.path, f.token.flag, "", "send the token in `FILE`, which the API can require")
	flags.DurationVar(&f.timeout, "timeout", linkapi.DefaultTimeout,
		"end with an error if the API has not responded after `TIME`")
	flags.BoolVar(&f.json, "json", false, "print the response of the API")
	switch needs {
	case "spec":
		flags.StringVar(&f.link.listen, "listen", "127.0.0.1:0", "listen on `HOST:PORT`")
		flags.StringVar(&f.link.to, "to", linkTo, "forward to the server at `HOST:PORT`")
		flags.StringArrayVar(&f.link.at, "at", nil, "change the link after a time: `'TIME LIST'`")
		f.link.addSpec(flags)
		f.link.add(cmd)
	case "schedule":
		flags.StringArrayVar(&f.link.at, "at", nil,
			"change the link after a time, which counts from its next datagram: `'TIME LIST'`")
		flags.BoolVar(&f.clear, "clear", false, "remove the schedule; the impairments stay")
	case "change":
		flags.BoolVar(&f.clear, "clear", false, "reset all impairments first")
		f.link.add(cmd)
	}
	return cmd
}

func (a *app) ctlList(ctx context.Context, c *linkapi.Client, f *ctlFlags, _ string) error {
	all, err := c.List(ctx)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(a.out, all)
	}
	for _, s := range all {
		printLink(a.out, s)
	}
	return nil
}

func (a *app) ctlShow(ctx context.Context, c *linkapi.Client, f *ctlFlags, name string) error {
	s, err := c.Get(ctx, name)
	if err != nil {
		return err
	}
	if f.json {
		return printJSON(a.out, s)
	}
	printLink(a.out, s)
	printStats(a.out, &s.Stats)
	return nil
}

func (a *app) ctlCreate(ctx context.Context, c *linkapi.Client, f *ctlFlags, name string) error {
	spec, err := f.link.spec()
	if err != nil {
		return err
	}
	spec.Name = name
	s, err := c.Create(ctx, *spec)
	return a.printCtl(f, s, err)
}

func (a *app) ctlChange(ctx context.Context, c *linkapi.Client, f *ctlFlags, name string) error {
	now, err := c.Get(ctx, name)
	if err != nil {
		return err
	}
	up, down := now.Up, now.Down
	if f.clear || f.link.like != "" {
		if up, down, err = f.link.impairments(); err != nil {
			return err
		}
	} else if err := f.link.change(&up, &down); err != nil {
		return err
	}
	if err := f.link.checkEffect(up, down, now.Schedule); err != nil {
		return err
	}
	if f.clear || f.link.like != "" {
		up, down = up.Effective(), down.Effective() // as in --like satellite --rate 0
	}
	upChanges, err := changes(now.Up, up)
	if err != nil {
		return err
	}
	downChanges, err := changes(now.Down, down)
	if err != nil {
		return err
	}
	s, err := c.Change(ctx, name, upChanges, downChanges)
	return a.printCtl(f, s, err)
}

// changes returns the fields in which two impairments differ, with their values in the second one;
// nil stands for no effect.
func changes(before, after link.Impairment) (map[string]any, error) {
	was, err := fieldsOf(before)
	if err != nil {
		return nil, err
	}
	all, err := fieldsOf(after)
	if err != nil {
		return nil, err
	}
	for name, value := range was {
		switch now, ok := all[name]; {
		case !ok:
			all[name] = nil
		case now == value:
			delete(all, name)
		}
	}
	return all, nil
}

// fieldsOf returns the JSON object of an impairment.
func fieldsOf(i link.Impairment) (map[string]any, error) {
	data, err := json.Marshal(i)
	if err != nil {
		return nil, err
	}
	var fields map[string]any
	return fields, json.Unmarshal(data, &fields)
}

// ctlSchedule replaces the schedule. The first phase changes the impairments in effect.
func (a *app) ctlSchedule(ctx context.Context, c *linkapi.Client, f *ctlFlags, name string) error {
	switch {
	case f.clear && len(f.link.at) > 0:
		return usage("use one of them", "--clear and --at exclude each other")
	case !f.clear && len(f.link.at) == 0:
		return usage("write a time and settings, as in --at '10s loss=50%', or --clear",
			"schedule needs --at or --clear")
	}
	now, err := c.Get(ctx, name)
	if err != nil {
		return err
	}
	phases, err := parseSchedule(f.link.at, now.Up, now.Down)
	if err != nil {
		return err
	}
	if err := c.SetSchedule(ctx, name, effective(phases)); err != nil {
		return err
	}
	s, err := c.Get(ctx, name)
	return a.printCtl(f, s, err)
}

func (a *app) ctlRemove(ctx context.Context, c *linkapi.Client, f *ctlFlags, name string) error {
	last, err := c.Get(ctx, name)
	if err != nil {
		return err
	}
	if err := c.Remove(ctx, name); err != nil {
		return err
	}
	if f.json {
		return printJSON(a.out, last)
	}
	printStats(a.out, &last.Stats)
	return nil
}
