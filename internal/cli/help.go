package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

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
		topic.InitDefaultHelpFlag()
		topic.InitDefaultVersionFlag()
		return topic.Help()
	}
}
