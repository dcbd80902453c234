package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// setFromEnv sets each flag that the command line does not set to the value of its environment
// variable, unless that is empty.
func (a *app) setFromEnv(cmd *cobra.Command) error {
	var failed error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := envName(f.Name)
		value, ok := a.lookupEnv(name)
		if failed != nil || f.Changed || !ok || value == "" || f.Name == "help" {
			return
		}
		if err := cmd.Flags().Set(f.Name, value); err != nil {
			failed = usage("correct or unset the variable", "%s: %s", name, plain(err))
		}
	})
	return failed
}

// envName returns the name of a flag's environment variable.
func envName(flag string) string {
	return "OHCE_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}
