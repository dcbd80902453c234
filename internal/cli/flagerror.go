package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// parseFailure returns the failure for an error of package pflag on the command line of cmd.
func parseFailure(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	var missing *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown)
	case errors.As(err, &missing):
		return usage(seeHelp(cmd), "--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		return usage(seeHelp(cmd), "--%s %q: %s", invalid.GetFlag().Name, invalid.GetValue(),
			wrongValue(invalid))
	default:
		return usage(seeHelp(cmd), "%s", firstLine(err.Error()))
	}
}

// unknownFlag returns the failure for a flag that cmd does not have.
func unknownFlag(cmd *cobra.Command, err *pflag.NotExistError) error {
	name := err.GetSpecifiedName()
	letters := err.GetSpecifiedShortnames() // everything after a single dash
	what := "unknown flag --" + name
	if letters != "" {
		if what = "unknown flag -" + name; letters != name {
			what += " in -" + letters
		}
		name, _, _ = strings.Cut(letters, "=")
	}
	hint := seeHelp(cmd)
	if near := suggestFlag(cmd, name); near != "" && len(name) > 1 {
		hint = "did you mean " + near + "? " + hint
	} else if owners := commandsWithFlag(cmd, name); len(owners) > 0 {
		hint = "write it after a command that has it: " + strings.Join(owners, ", ")
	}
	return usage(hint, "%s", what)
}

// commandsWithFlag returns the commands directly below cmd that have a flag.
func commandsWithFlag(cmd *cobra.Command, flag string) (paths []string) {
	for _, c := range cmd.Commands() {
		if c.Flags().Lookup(flag) != nil {
			paths = append(paths, c.CommandPath())
		}
	}
	return paths
}

// wrongValue describes why a flag does not accept a value.
func wrongValue(err *pflag.InvalidValueError) string {
	switch err.GetFlag().Value.Type() {
	case "bool":
		return "neither true nor false"
	case "int", "int64":
		return "not a whole number"
	case "uint", "uint64":
		return "not a whole number of at least 0"
	case "uint32":
		return "not a whole number from 0 to 4294967295"
	case "float64":
		return "not a number"
	case "duration":
		return "not a time with a unit, such as 50us or 1m30s"
	default:
		text := err.Unwrap().Error()
		text, _, _ = strings.Cut(text, ": strconv.")
		return text
	}
}
