package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/link"
)

// impairFlags are the flags that say what a link does.
type impairFlags struct {
	like     string
	both     map[string]*fieldFlag // by flag
	up, down []string
}

// A fieldFlag is a flag for one field of an impairment; pflag sets it from the command line and from the
// environment.
type fieldFlag struct {
	field string
	kind  string // "bool" where it needs no value
	text  string
	given bool
}

func (f *fieldFlag) String() string { return f.text }
func (f *fieldFlag) Type() string   { return f.kind }

// Set takes any text: what is wrong with it shows when all flags are known.
func (f *fieldFlag) Set(text string) error {
	f.text, f.given = text, true
	return nil
}

// add adds the flags to a command.
func (f *impairFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	var names []string
	for _, p := range link.Presets() {
		names = append(names, p.Name)
	}
	flags.StringVar(&f.like, "like", "", "begin with a kind of network: `NAME` is "+strings.Join(names, ", "))
	completeFlag(cmd, "like", names...)
	f.both = make(map[string]*fieldFlag)
	for _, field := range link.FieldNames() {
		name := strings.ReplaceAll(field, "_", "-")
		usage := link.FieldUsage(field)
		v := &fieldFlag{field: field, kind: "value"}
		if !strings.Contains(usage, "`") {
			v.kind = "bool"
		}
		f.both[name] = v
		flags.Var(v, name, usage)
		if v.kind == "bool" {
			flags.Lookup(name).NoOptDefVal = "true"
		}
	}
	completeFlag(cmd, "shape", "uniform", "normal", "pareto")
	flags.StringArrayVar(&f.up, "up", nil, "for requests alone: a `LIST` as loss=20%,delay=5ms")
	flags.StringArrayVar(&f.down, "down", nil, "for answers alone: a `LIST`")
}

// impairments is what the flags ask for.
func (f *impairFlags) impairments() (up, down link.Impairment, err error) {
	if f.like != "" {
		p, ok := link.FindPreset(f.like)
		if !ok {
			var names []string
			for _, p := range link.Presets() {
				names = append(names, p.Name)
			}
			return up, down, usage("choose one of "+strings.Join(names, ", "), "--like: there is no network %q",
				f.like)
		}
		up, down = p.Up, p.Down
	}
	return up, down, f.change(&up, &down)
}

// change makes the changes that the flags ask for, but for --like.
func (f *impairFlags) change(up, down *link.Impairment) error {
	texts := make(map[string]string)
	for _, v := range f.both {
		if v.given {
			texts[v.field] = v.text
		}
	}
	if err := errors.Join(up.SetAll(texts), down.SetAll(texts)); err != nil {
		var field *link.FieldError
		errors.As(err, &field)
		return usage("see ohce link --help", "--%s is %s: %s", strings.ReplaceAll(field.Field, "_", "-"),
			field.Value, field.Want)
	}
	for _, list := range f.up {
		if err := up.Apply(list); err != nil {
			return listError("up", err)
		}
	}
	for _, list := range f.down {
		if err := down.Apply(list); err != nil {
			return listError("down", err)
		}
	}
	return nil
}

// listError is what is wrong with a list.
func listError(flag string, err error) error {
	return usage("write names and values, as loss=20%,delay=5ms", "--%s: %v", flag, err)
}
