package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/link"
)

// impairmentUsage lists the fields of an impairment with the help text of their flags. A text
// without a placeholder in backquotes belongs to a flag that needs no value.
var impairmentUsage = []struct{ field, usage string }{
	{"black_hole", "drop every datagram"},
	{"mtu", "drop packets longer than `BYTES`, including 28 bytes of IPv4 and UDP headers; at least 28"},
	{"loss", "lose a `SHARE` of the datagrams, such as 10%"},
	{"burst", "lose datagrams in bursts of `N` on average"},
	{"loss_good", "lose a `SHARE` in the good state of a Gilbert-Elliott model"},
	{"loss_bad", "lose a `SHARE` in the bad state of a Gilbert-Elliott model"},
	{"to_bad", "enter the bad state at each datagram with the probability `SHARE`"},
	{"to_good", "leave the bad state at each datagram with the probability `SHARE`"},
	{"rate", "limit the throughput to `BITS` per second, such as 10Mbit/s"},
	{"queue", "with --rate, let at most `N` datagrams wait and drop further ones"},
	{"truncate", "cut a `SHARE` of the datagrams short"},
	{"corrupt", "flip one bit in a `SHARE` of the datagrams"},
	{"delay", "delay datagrams by `TIME`, such as 50ms or 50ms±20ms"},
	{"shape", "distribution of the delay: `NAME` is uniform, normal or pareto"},
	{"in_order", "never deliver a datagram before an earlier one"},
	{"duplicate", "deliver a `SHARE` of the datagrams twice"},
	{"rebind_every", "give the client a new port with every `N`th datagram"},
}

// impairFlags are the flags that describe impairments.
type impairFlags struct {
	like     string
	both     []*impairFlag
	up, down []string
}

// An impairFlag is the flag for one field of both impairments. pflag sets it from the command line
// and from the environment.
type impairFlag struct {
	field string
	kind  string // "bool" if the flag needs no value
	text  string
	given bool
}

func (f *impairFlag) String() string { return f.text }
func (f *impairFlag) Type() string   { return f.kind }

// Set accepts any text. The check happens in change, when all flags are known.
func (f *impairFlag) Set(text string) error {
	f.text, f.given = text, true
	return nil
}

// add adds the flags to a command.
func (f *impairFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.like, "like", "", "start from a kind of network: `NAME` is "+
		strings.Join(presetNames(), ", "))
	completeFlag(cmd, "like", presetNames()...)
	for _, u := range impairmentUsage {
		v := &impairFlag{field: u.field, kind: "value"}
		name := flagName(u.field)
		if !strings.Contains(u.usage, "`") {
			v.kind = "bool"
		}
		f.both = append(f.both, v)
		flags.Var(v, name, u.usage)
		if v.kind == "bool" {
			flags.Lookup(name).NoOptDefVal = "true"
		}
	}
	completeFlag(cmd, "shape", "uniform", "normal", "pareto")
	flags.StringArrayVar(&f.up, "up", nil, "impair requests only: a `LIST` such as loss=20%,delay=5ms")
	flags.StringArrayVar(&f.down, "down", nil, "impair responses only: a `LIST`")
}

// flagName returns the name of a field's flag.
func flagName(field string) string { return strings.ReplaceAll(field, "_", "-") }

func presetNames() []string {
	var names []string
	for _, p := range link.Presets() {
		names = append(names, p.Name)
	}
	return names
}

// impairments returns the impairments that the flags describe.
func (f *impairFlags) impairments() (up, down link.Impairment, err error) {
	if f.like != "" {
		p, ok := link.FindPreset(f.like)
		if !ok {
			return up, down, usage("choose one of "+strings.Join(presetNames(), ", "),
				"--like: unknown kind of network %q", f.like)
		}
		up, down = p.Up, p.Down
	}
	return up, down, f.change(&up, &down)
}

// change applies all flags but --like.
func (f *impairFlags) change(up, down *link.Impairment) error {
	fields := make(map[string]string)
	for _, v := range f.both {
		if v.given {
			fields[v.field] = v.text
		}
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	for _, i := range []*link.Impairment{up, down} {
		if err := i.UnmarshalJSON(data); err != nil {
			return flagError(err)
		}
	}
	for _, list := range f.up {
		if err := up.UnmarshalText([]byte(list)); err != nil {
			return listError("up", err)
		}
	}
	for _, list := range f.down {
		if err := down.UnmarshalText([]byte(list)); err != nil {
			return listError("down", err)
		}
	}
	return nil
}

// given returns the values of all flags but --like, by field, for each direction.
func (f *impairFlags) given() (up, down map[string]string) {
	up = link.ListFields([]byte(strings.Join(f.up, " ")))
	down = link.ListFields([]byte(strings.Join(f.down, " ")))
	for _, v := range f.both {
		if v.given {
			up[v.field] = cmp.Or(up[v.field], v.text)
			down[v.field] = cmp.Or(down[v.field], v.text)
		}
	}
	return up, down
}

// checkEffect checks that the value of each flag has an effect in the impairments that the flags
// describe, or in a later phase.
func (f *impairFlags) checkEffect(up, down link.Impairment, later []link.Phase) error {
	ups, downs := f.given()
	err := checkEffect(ups, downs, append([]link.Phase{{Up: up, Down: down}}, later...))
	var field *link.FieldError
	if !errors.As(err, &field) {
		return err
	}
	for _, v := range f.both {
		if v.given && v.field == field.Field {
			return flagError(err)
		}
	}
	if downs[field.Field] != "" {
		return listError("down", err)
	}
	return listError("up", err)
}

// checkEffect returns a *link.FieldError for a given value that has no effect in any of the phases.
// A value for both directions needs an effect in one of them.
func checkEffect(ups, downs map[string]string, phases []link.Phase) error {
	var up, down *link.FieldError
	for i, p := range phases {
		var u, d *link.FieldError
		errors.As(p.Up.CheckEffect(ups), &u)
		errors.As(p.Down.CheckEffect(downs), &d)
		if i == 0 || u == nil {
			up = u
		}
		if i == 0 || d == nil {
			down = d
		}
	}
	same := up != nil && down != nil && up.Field == down.Field
	switch {
	case up != nil && (same || downs[up.Field] == ""):
		return up
	case down != nil && (same || ups[down.Field] == ""):
		return down
	}
	return nil
}

// flagError reports an invalid value of a field's flag.
func flagError(err error) error {
	var field *link.FieldError
	if !errors.As(err, &field) {
		return err
	}
	return usage("--help lists the values", "--%s is %s: %s", flagName(field.Field), field.Value, field.Want)
}

// listError reports an invalid list of fields.
func listError(flag string, err error) error {
	return usage("write names and values, as in loss=20%,delay=5ms", "--%s: %v", flag, err)
}
