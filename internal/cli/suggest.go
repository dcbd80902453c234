package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// nearest returns the candidate with the smallest edit distance to a misspelt word, or "" if none is
// close. A third of the letters may differ, at least one and at most two. Case does not count.
func nearest(word string, candidates []string) string {
	best, least := "", min(max(len(word)/3, 1), 2)+1
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// suggest returns the nearest candidate or, if none is close, the first one that begins with the
// word. It returns "" if there is none.
func suggest(word string, candidates []string) string {
	if near := nearest(word, candidates); near != "" || len(word) < 2 {
		return near
	}
	for _, c := range candidates {
		if strings.HasPrefix(c, strings.ToLower(word)) {
			return c
		}
	}
	return ""
}

// editDistance returns the number of edits that turn a into b. An edit inserts, removes or replaces
// a byte or swaps two adjacent ones (the optimal string alignment distance).
func editDistance(a, b string) int {
	// Each row holds the distances from a prefix of a to all prefixes of b.
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, above, row = above, row, before
		row[0] = i + 1
		for j := range len(b) {
			replace := above[j]
			if a[i] != b[j] {
				replace++
			}
			row[j+1] = min(replace, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// suggestCommand returns the command below cmd that a misspelt name resembles most, as the user
// would type it, or "".
func suggestCommand(cmd *cobra.Command, name string) string {
	var names []string
	paths := make(map[string]string)
	for c := range commandsBelow(cmd) {
		if _, known := paths[c.Name()]; known {
			continue
		}
		names = append(names, c.Name())
		paths[c.Name()] = c.CommandPath()
		if c.IsAdditionalHelpTopicCommand() {
			paths[c.Name()] = c.Root().Name() + " help " + c.Name()
		}
	}
	return paths[suggest(name, names)]
}

// commandsBelow yields the commands below cmd, level by level.
func commandsBelow(cmd *cobra.Command) func(yield func(*cobra.Command) bool) {
	return func(yield func(*cobra.Command) bool) {
		level := cmd.Commands()
		for len(level) > 0 {
			var next []*cobra.Command
			for _, c := range level {
				if !c.Hidden && !yield(c) {
					return
				}
				next = append(next, c.Commands()...)
			}
			level = next
		}
	}
}

// addressNames are names of flags for addresses in other programs.
var addressNames = []string{"addr", "address", "bind", "host", "port"}

// suggestFlag returns the flag of cmd that a misspelt name resembles most, or "". For the name of an
// address it returns the flag for the address.
func suggestFlag(cmd *cobra.Command, name string) string {
	for _, flag := range []string{"listen", "server"} {
		if slices.Contains(addressNames, name) && cmd.Flags().Lookup(flag) != nil {
			return "--" + flag
		}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if name = suggest(name, names); name != "" {
		return "--" + name
	}
	return ""
}
