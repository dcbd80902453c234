package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setFromEnv sets each flag of cmd that the command line does not set to the value of its environment
// variable. An empty variable counts as unset. The variable that names the command overrides the
// one that names only the flag.
func (a *app) setFromEnv(cmd *cobra.Command) error {
	if !hasVariables(cmd) {
		return nil
	}
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if failed == nil && !f.Changed && !isBuiltIn(f) {
			failed = a.setFlagFromEnv(cmd, f)
		}
	})
	if failed == nil {
		a.warnOfMisspelt(cmd)
	}
	return failed
}

func (a *app) setFlagFromEnv(cmd *cobra.Command, f *pflag.Flag) error {
	name := longVariable(envScope(cmd), f.Name)
	value, _ := a.lookupEnv(name)
	if value == "" && !needsCommand(cmd) {
		name = shortVariable(f.Name)
		value, _ = a.lookupEnv(name)
		if value == "" {
			return nil
		}
		if owners := flagOwners(cmd.Root())[f.Name]; len(owners) > 1 {
			return ambiguousVariable(name, f.Name, envScope(cmd), owners)
		}
	}
	if value == "" {
		return nil
	}
	if a.variables == nil {
		a.variables = make(map[string]string)
	}
	a.variables[f.Name] = name
	if err := cmd.Flags().Set(f.Name, value); err != nil {
		return parseFailure(cmd, err)
	}
	return nil
}

// ambiguousVariable returns the failure for a variable that could set a flag of several commands. It
// lists the command that runs first.
func ambiguousVariable(name, flag string, running *cobra.Command, owners []*cobra.Command) error {
	others := slices.DeleteFunc(owners, func(c *cobra.Command) bool { return c == running })
	var commands, names []string
	for _, c := range append([]*cobra.Command{running}, others...) {
		commands = append(commands, c.CommandPath())
		names = append(names, longVariable(c, flag))
	}
	return usage("set "+enumerate(names, "or")+" instead", "%s is ambiguous: %s have the flag --%s", name,
		enumerate(commands, "and"), flag)
}

// enumerate joins words with commas and a conjunction before the last one.
func enumerate(words []string, conjunction string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " " + conjunction + " " + words[last]
}

// warnOfMisspelt prints a warning for each variable that sets no flag and resembles one of cmd.
func (a *app) warnOfMisspelt(cmd *cobra.Command) {
	known, names := make(map[string]bool), []string(nil)
	for _, v := range variables(cmd.Root()) {
		known[v.long], known[shortVariable(v.flag)] = true, true
		if v.scope != envScope(cmd) {
			continue
		}
		names = append(names, strings.TrimPrefix(v.long, envPrefix))
		if v.short != "" {
			names = append(names, strings.TrimPrefix(v.short, envPrefix))
		}
	}
	for _, entry := range a.environ() {
		name, _, _ := strings.Cut(entry, "=")
		rest, ours := strings.CutPrefix(name, envPrefix)
		if !ours || known[name] {
			continue
		}
		if near := nearest(rest, names); near != "" {
			fmt.Fprintf(a.err, "%s ignoring %s: did you mean %s%s?\n", a.styleFor(a.err).bold("ohce:"), name,
				envPrefix, near)
		}
	}
}

// nameVariable replaces a flag at the beginning of an error's text by the variable that set it.
func (a *app) nameVariable(f *failure) string {
	flag, rest := f.flag, f.what
	if after, ok := strings.CutPrefix(f.what, "--"); ok && flag == "" {
		end := strings.IndexAny(after+" ", " :=")
		flag, rest = after[:end], after[end:]
	}
	name := a.variables[flag]
	switch {
	case name == "":
		return f.what
	case f.flag != "":
		return fmt.Sprintf("%s: %s", name, f.what)
	case strings.HasPrefix(rest, ` "`):
		return name + "=" + rest[1:]
	default:
		return name + rest
	}
}
