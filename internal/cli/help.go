package cli

import (
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

// addCompletionCommand adds "ohce completion". Unlike cobra's, it fails for an unknown shell.
func addCompletionCommand(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	cmd, _, err := root.Find([]string{"completion"})
	if err != nil || cmd == root {
		panic("no completion command") // a defect of this package
	}
	cmd.Short = "Print a completion script for a shell"
	cmd.Long = `Print a completion script for bash, zsh, fish or PowerShell. The help of each subcommand
says how to install the script.`
	cmd.Args = noSuchCommand
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	for _, shell := range cmd.Commands() {
		shell.Short = "Print the completion script for " + shell.Name()
		shell.Args = noArguments
	}
}
