package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce/flip"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of ohce, Go and Unicode",
		Args:  noArguments,
		Run: func(*cobra.Command, []string) {
			fmt.Fprintf(a.out, "ohce %s\n%s %s/%s\nUnicode %s (letter case), %s (graphemes)\n",
				moduleVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
				flip.UnicodeVersion, flip.GraphemesUnicodeVersion)
		},
	}
}

// moduleVersion returns the version that the Go command recorded in the binary: a release tag, a
// pseudo-version with the commit, or "(devel)".
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
