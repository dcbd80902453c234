package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageFooter is the end of the help: the exit codes for the root command, a reference to the help
// topic for commands with variables.
const usageFooter = `{{if not .HasParent}}
Exit status:
%s{{end}}{{with index .Annotations "variable"}}
Each flag can be set by an environment variable, such as {{.}}: see ohce help environment.
{{end}}`

// addUsageFooter extends the help of all commands.
func addUsageFooter(root *cobra.Command) {
	var lines strings.Builder
	for _, s := range exitStatus {
		meaning := s.meaning
		if s.command != "" {
			meaning = "ohce " + s.command + ": " + meaning
		}
		fmt.Fprintf(&lines, "  %d  %s\n", s.code, meaning)
	}
	root.SetUsageTemplate(root.UsageTemplate() + fmt.Sprintf(usageFooter, &lines))
}

// describeBuiltIns describes the flags that cobra adds to all commands.
func describeBuiltIns(root *cobra.Command) {
	root.InitDefaultHelpFlag()
	root.InitDefaultVersionFlag()
	root.Flags().Lookup("help").Usage = "show this help"
	root.Flags().Lookup("version").Usage = "print the version"
	for c := range commandsBelow(root) {
		c.InitDefaultHelpFlag()
		c.Flags().Lookup("help").Usage = "show this help"
	}
}

// addHelpCommand adds "ohce help". Unlike cobra's, it fails if there is no such command.
func addHelpCommand(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	cmd, _, err := root.Find([]string{"help"})
	if err != nil || cmd == root {
		panic("no help command") // a defect of this package
	}
	cmd.Short = "Show the help of a command or topic"
	cmd.Long = "Show the help of a command or topic, as in: ohce help link ctl create"
	commands := cmd.ValidArgsFunction
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, prefix string) (
		[]cobra.Completion, cobra.ShellCompDirective) {
		found, directive := commands(cmd, args, prefix)
		for _, c := range root.Commands() {
			if len(args) == 0 && c.IsAdditionalHelpTopicCommand() && strings.HasPrefix(c.Name(), prefix) {
				found = append(found, cobra.CompletionWithDesc(c.Name(), c.Short))
			}
		}
		return found, directive
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		topic, rest, err := root.Find(args)
		if err != nil {
			return usage(seeHelp(root), "%s", firstLine(err.Error()))
		}
		if err := noSuchCommand(topic, rest); err != nil {
			return err
		}
		return topic.Help()
	}
}
