package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ohce/ohce"
)

// A failure is an error as a user is told it.
type failure struct {
	what string // after "ohce: "
	hint string // after "hint: "; "" prints none
	code int
}

func (f *failure) Error() string { return f.what }

// report prints an error and returns the exit code.
func (a *app) report(err error) int {
	var f *failure
	if !errors.As(err, &f) {
		// What cobra finds wrong itself: an unknown command, an argument too many.
		f = &failure{what: firstLine(err.Error()), hint: "see ohce --help", code: exitUsage}
	}
	st := a.styleFor(a.err)
	text := fmt.Sprintf("%s %s\n", st.bold("ohce:"), f.what)
	if f.hint != "" {
		text += fmt.Sprintf("%s %s\n", st.bold("hint:"), f.hint)
	}
	patiently(func() { io.WriteString(a.err, text) })
	return f.code
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// noSuchCommand is the Args of the root command, where an argument is a command that there is not.
func noSuchCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := seeHelp(root)
	if near := root.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + near[0] + "? " + hint
	}
	return usage(hint, "unknown command %q for %q", args[0], root.Name())
}

// noArguments is the Args of a command that takes none.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(seeHelp(cmd), "%s takes no arguments, and %q is one", cmd.Name(), args[0])
}

// plain is what the flags' library says without the words of the function that found it.
func plain(err error) string {
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	return text
}

func seeHelp(cmd *cobra.Command) string { return "see " + cmd.CommandPath() + " --help" }

func usage(hint, format string, args ...any) error {
	return &failure{what: fmt.Sprintf(format, args...), hint: hint, code: exitUsage}
}

// checkAddress checks that addr is HOST:PORT; flag is what it was given as.
func checkAddress(flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usage("write HOST:PORT, as in 127.0.0.1:3000 or [::1]:3000",
			"--%s %q is not an address with a port", flag, addr)
	}
	if port == "" {
		return usage("write HOST:PORT, as in 127.0.0.1:3000 or [::1]:3000", "--%s %q has no port", flag,
			addr)
	}
	n, err := strconv.Atoi(port)
	least := 0 // a free one, to listen on
	if flag == "server" || flag == "to" {
		least = 1
	}
	if err == nil && (n < least || n > 65535) {
		return usage(fmt.Sprintf("ports go from %d to 65535", least), "--%s %q: there is no port %d",
			flag, addr, n)
	}
	if err == nil {
		return nil
	}
	if _, err := net.LookupPort("udp", port); err != nil {
		return usage("give the port's number", "--%s %q: unknown port %q", flag, addr, port)
	}
	return nil
}

// explainListen says why an address cannot be listened on.
func explainListen(addr string, err error) error {
	f := &failure{code: exitFail}
	switch {
	case errors.Is(err, ohce.ErrAddrInUse):
		f.what = fmt.Sprintf("cannot listen on %s: the port is taken", addr)
		f.hint = "another server runs there; choose another port, or port 0 for any free one"
	case errors.Is(err, fs.ErrPermission):
		f.what = fmt.Sprintf("cannot listen on %s: permission denied", addr)
		f.hint = "ports below 1024 belong to the system; choose a higher one"
	case isNameError(err):
		f.what = fmt.Sprintf("cannot listen on %s: %s", addr, nameError(err))
		f.hint = "check the name, or give an IP address"
	default:
		f.what = fmt.Sprintf("cannot listen on %s: %v", addr, innermost(err))
		f.hint = "it must be an address of this machine; 0.0.0.0 and [::] stand for all of them"
	}
	return f
}

func isNameError(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns)
}

func nameError(err error) string {
	var dns *net.DNSError
	errors.As(err, &dns)
	return fmt.Sprintf("the name %s does not resolve (%s)", dns.Name, dns.Err)
}

// innermost is the error without the layers that only repeat the operation and the address.
func innermost(err error) error {
	var op *ohce.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var netOp *net.OpError
	if errors.As(err, &netOp) {
		err = netOp.Err
	}
	return err
}
