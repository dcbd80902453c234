package cli

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// noSuchCommand is the cobra.PositionalArgs of a command that has only subcommands. An argument
// that reaches it names no subcommand.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := seeHelp(cmd)
	if near := suggestCommand(cmd, args[0]); near != "" {
		hint = "did you mean " + near + "? " + hint
	}
	return usage(hint, "unknown command %q for %q", args[0], cmd.CommandPath())
}

// noArguments is the cobra.PositionalArgs of a command without arguments. It takes an argument that
// resembles a subcommand for a misspelt one.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if suggestCommand(cmd, args[0]) != "" {
		return noSuchCommand(cmd, args)
	}
	hint := seeHelp(cmd)
	if _, _, err := net.SplitHostPort(args[0]); err == nil && cmd.Flags().Lookup("listen") != nil {
		hint = "did you mean --listen " + args[0] + "? " + hint
	}
	return usage(hint, "unexpected argument %q: %s takes no arguments", args[0], cmd.CommandPath())
}

// checkAddress checks that addr has the form HOST:PORT. The error names the flag.
func checkAddress(flag, addr string) error {
	minPort := 0 // any free port, to listen on
	if flag == "server" || flag == "to" {
		minPort = 1
	}
	return checkHostPort(fmt.Sprintf("--%s %q", flag, addr), addr, minPort)
}

// withPort adds a port to an address that has none. It adds none if port is 0.
func withPort(addr string, port int) string {
	if port > 0 && !hasPort(addr) {
		return net.JoinHostPort(strings.Trim(addr, "[]"), strconv.Itoa(port))
	}
	return addr
}

// checkHostPort checks that addr has the form HOST:PORT. The error begins with label.
func checkHostPort(label, addr string, minPort int) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return usage("write HOST:PORT, as in 127.0.0.1:3000 or [::1]:3000",
			"%s is not an address with a port", label)
	}
	if port == "" {
		return usage("write HOST:PORT, as in 127.0.0.1:3000 or [::1]:3000", "%s has no port", label)
	}
	n, err := strconv.Atoi(port)
	if err == nil && (n < minPort || n > 65535) {
		return usage(fmt.Sprintf("ports go from %d to 65535", minPort), "%s: there is no port %d",
			label, n)
	}
	if err == nil {
		return nil
	}
	if _, err := net.LookupPort("udp", port); err != nil {
		return usage("give the port's number", "%s: unknown port %q", label, port)
	}
	return nil
}
