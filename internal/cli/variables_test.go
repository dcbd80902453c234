package cli

import (
	"slices"
	"testing"

	"github.com/spf13/pflag"
)

// No two flags have a variable in common, except where commands share it on purpose.
func TestVariablesAreDistinct(t *testing.T) {
	owner := make(map[string]string)
	for _, v := range variables((&app{}).command()) {
		for _, name := range []string{v.long, v.short} {
			if name == "" {
				continue
			}
			flag := v.scope.CommandPath() + " --" + v.flag
			if other, taken := owner[name]; taken {
				t.Errorf("%s sets %s and %s", name, other, flag)
			}
			owner[name] = flag
		}
	}
}

// Each flag of each command has a variable.
func TestEachFlagHasAVariable(t *testing.T) {
	root := (&app{}).command()
	all := variables(root)
	for c := range commandsBelow(root) {
		if !hasVariables(c) {
			continue
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			found := slices.ContainsFunc(all, func(v variable) bool {
				return v.scope == envScope(c) && v.flag == f.Name
			})
			if !found && !f.Hidden && !isBuiltIn(f) {
				t.Errorf("%s --%s has no variable", c.CommandPath(), f.Name)
			}
		})
	}
}
