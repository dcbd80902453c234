package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envPrefix begins the name of each environment variable of ohce.
const envPrefix = "OHCE_"

// A variable is an environment variable that sets a flag.
type variable struct {
	scope *cobra.Command // the command whose name is part of long
	flag  string
	long  string // OHCE_SERVE_LISTEN
	short string // OHCE_LISTEN; empty if several commands have the flag
}

// variables returns the variables of all commands, without those of hidden flags. Commands that
// share a variable are listed once.
func variables(root *cobra.Command) (all []variable) {
	owners := flagOwners(root)
	for _, scope := range envScopes(root) {
		var flags []string
		for c := range commandsBelow(root) {
			if envScope(c) != scope {
				continue
			}
			c.Flags().VisitAll(func(f *pflag.Flag) {
				if !f.Hidden && !isBuiltIn(f) && !slices.Contains(flags, f.Name) {
					flags = append(flags, f.Name)
				}
			})
		}
		for _, f := range flags {
			v := variable{scope: scope, flag: f, long: longVariable(scope, f)}
			if len(owners[f]) == 1 && owners[f][0] == scope {
				v.short = shortVariable(f)
			}
			all = append(all, v)
		}
	}
	return all
}

// envScopes returns the commands that are part of variables' names.
func envScopes(root *cobra.Command) (scopes []*cobra.Command) {
	for c := range commandsBelow(root) {
		if s := envScope(c); hasVariables(c) && !slices.Contains(scopes, s) {
			scopes = append(scopes, s)
		}
	}
	return scopes
}

// needsCommand reports whether the variables of a command always name it. ohce load and ohce exporter
// share flags with earlier commands, whose variables must keep their meaning.
func needsCommand(cmd *cobra.Command) bool {
	path, root := cmd.CommandPath()+" ", cmd.Root().Name()
	return strings.HasPrefix(path, root+" load ") || strings.HasPrefix(path, root+" exporter ")
}

// flagOwners returns, for each flag, the scopes that have it and whose variables can leave out the
// command.
func flagOwners(root *cobra.Command) map[string][]*cobra.Command {
	owners := make(map[string][]*cobra.Command)
	for c := range commandsBelow(root) {
		if !hasVariables(c) || needsCommand(c) {
			continue
		}
		scope := envScope(c)
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(owners[f.Name], scope) {
				owners[f.Name] = append(owners[f.Name], scope)
			}
		})
	}
	return owners
}

// envScope returns the command whose name is part of the variables of cmd. The subcommands of a
// command without flags, such as those of ohce link ctl, share its name.
func envScope(cmd *cobra.Command) *cobra.Command {
	if p := cmd.Parent(); p != nil && p.HasParent() && !hasVariables(p) {
		return p
	}
	return cmd
}

// hasVariables reports whether cmd has flags that variables set.
func hasVariables(cmd *cobra.Command) bool {
	if strings.HasPrefix(cmd.CommandPath()+" ", cmd.Root().Name()+" completion ") {
		return false
	}
	found := false
	cmd.Flags().VisitAll(func(f *pflag.Flag) { found = found || !isBuiltIn(f) })
	return found
}

// isBuiltIn reports whether cobra adds a flag to a command by itself.
func isBuiltIn(f *pflag.Flag) bool { return f.Name == "help" || f.Name == "version" }

// longVariable returns the name of the variable that sets a flag of one command.
func longVariable(scope *cobra.Command, flag string) string {
	path := strings.TrimPrefix(scope.CommandPath(), scope.Root().Name()+" ")
	return shortVariable(path + "-" + flag)
}

// shortVariable returns the name of the variable that sets the flag of the only command that has it.
func shortVariable(flag string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_", " ", "_").Replace(flag))
}
