package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/internal/safetext"
)

// A failure is an error in the form that the user sees.
type failure struct {
	what string        // printed after "ohce: "
	hint string        // the next step, printed after "hint: "; if empty, no hint is printed
	code int           // the exit code
	json string        // the error code for --json; empty if it is not about one message
	op   *ohce.OpError // the exchange that failed; may be nil
	flag string        // the flag with the wrong value, if what does not begin with it
}

func (f *failure) Error() string { return f.what }

// report prints an error to standard error and returns its exit code. It escapes the text, which can
// contain bytes of a peer. It prints no status of a plugin, which is on standard output.
func (a *app) report(err error) int {
	var status pluginStatus
	if errors.As(err, &status) {
		return int(status)
	}
	var f *failure
	if !errors.As(err, &f) {
		// An error of cobra itself.
		f = &failure{what: firstLine(err.Error()), hint: "see ohce --help", code: exitUsage}
	}
	st := a.styleFor(a.err)
	text := fmt.Sprintf("%s %s\n", st.bold("ohce:"), safetext.Escape(a.nameVariable(f)))
	if f.hint != "" {
		text += fmt.Sprintf("%s %s\n", st.bold("hint:"), safetext.Escape(f.hint))
	}
	if a.log != nil && a.log.format != plainLog {
		text = string(a.log.format.records([]byte(text)))
	}
	runWithGrace(func() { io.WriteString(a.err, text) })
	return f.code
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func seeHelp(cmd *cobra.Command) string { return "see " + cmd.CommandPath() + " --help" }

// usage returns a failure with the exit code for wrong usage.
func usage(hint, format string, args ...any) error {
	return &failure{what: fmt.Sprintf(format, args...), hint: hint, code: exitUsage}
}
