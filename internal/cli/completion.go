package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// addCompletionCommand adds "ohce completion". Unlike cobra's, it fails for an unknown shell.
func addCompletionCommand(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
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

// prepareCompletion prepares all commands for a completion request: descriptions of flags lose the
// backquotes around the placeholder, and flags with the placeholder FILE complete file names.
func prepareCompletion(root *cobra.Command) {
	for c := range commandsBelow(root) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			var placeholder string
			placeholder, f.Usage = pflag.UnquoteUsage(f)
			if placeholder == "FILE" {
				completeFiles(c, f.Name)
			}
		})
	}
}

// completeFiles makes a flag complete file names.
func completeFiles(cmd *cobra.Command, flag string) {
	if _, registered := cmd.GetFlagCompletionFunc(flag); !registered {
		// It fails only for an unknown flag.
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault))
	}
}

// completeFlag registers values for the shell completion of a flag.
func completeFlag(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag,
		cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // no such flag: a defect of this package
	}
}
