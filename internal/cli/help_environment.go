package cli

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// environmentRules describes the variables that set flags.
const environmentRules = `Each flag can be set by an environment variable. The variable's
name consists of OHCE_, the command and the flag: OHCE_SERVE_LISTEN sets --listen of ohce
serve. All commands of ohce link ctl read the same variables, such as OHCE_LINK_CTL_API.

If only one command has a flag, the variable can leave out the command: OHCE_SERVER sets
--server of ohce send. If several commands have it, ohce reports an error that lists the
variables to choose from. The variables of ohce load and ohce exporter always name the
command. A dot in a flag becomes an underscore: OHCE_EXPORTER_CONFIG_FILE.

The command line overrides the environment, and a variable with the command overrides one
without it. An empty variable counts as unset. Set a flag that takes no value to true or
false. In the variables of --listen of ohce serve, --server, --allow, --deny, --api-host and
--web.host, separate several values with commas. The variable of --at holds one value.`

// otherVariables lists the variables that are not flags.
var otherVariables = []struct{ name, effect string }{
	{"NO_COLOR", "if not empty, ohce prints without colours"},
	{"TERM", "if dumb, ohce prints without colours"},
}

// addEnvironmentTopic adds "ohce help environment", and a reference to it to the help of each command
// with variables. All commands must have been added.
func addEnvironmentTopic(root *cobra.Command) {
	all := variables(root)
	for c := range commandsBelow(root) {
		for _, v := range all {
			if hasVariables(c) && v.scope == envScope(c) && c.Flags().Lookup(v.flag) != nil {
				c.Annotations = map[string]string{"variable": v.long}
				break
			}
		}
	}
	root.AddCommand(&cobra.Command{
		Use: "environment", Short: "Set flags with environment variables", Long: environmentHelp(all),
	})
}

// environmentHelp returns the text of "ohce help environment", given the variables of all commands.
func environmentHelp(all []variable) string {
	var text strings.Builder
	text.WriteString(environmentRules)
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	var scope *cobra.Command
	for _, v := range all {
		if v.scope != scope {
			scope = v.scope
			fmt.Fprintf(columns, "\n\nVariables of %s:", scope.CommandPath())
		}
		names := v.long
		if v.short != "" {
			names += ", " + v.short
		}
		fmt.Fprintf(columns, "\n  %s\t--%s", names, v.flag)
	}
	fmt.Fprint(columns, "\n\nOther variables:")
	for _, v := range otherVariables {
		fmt.Fprintf(columns, "\n  %s\t%s", v.name, v.effect)
	}
	columns.Flush() // a strings.Builder does not fail
	return text.String()
}
