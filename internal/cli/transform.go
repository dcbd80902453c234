package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/flip"
)

// parseTransform reads the value of a flag that names a transform; others are what the flag takes
// besides.
func parseTransform(flag, name string, graphemes bool, others ...string) (flip.Transform, error) {
	t, err := flip.Parse(name)
	if err != nil {
		return t, usage("choose one of "+strings.Join(append(others, flip.Names()...), ", "),
			"--%s: there is no transform %q", flag, name)
	}
	t.Graphemes = graphemes
	return t, nil
}

// answer is the handler that answers with the transformed text.
func answer(t flip.Transform) ohce.Handler {
	return ohce.HandlerFunc(func(w *ohce.ResponseWriter, r *ohce.Request) {
		w.Write(t.Append(w.AvailableBuffer(), r.Data))
	})
}

// completeFlag offers values for a flag.
func completeFlag(cmd *cobra.Command, flag string, values ...string) {
	err := cmd.RegisterFlagCompletionFunc(flag,
		cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // no such flag: a mistake in this package
	}
}
