package cli

import (
	"fmt"
	"net"
	"strconv"

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
	minPort := 0 // any free port, to listen on
	if flag == "server" || flag == "to" {
		minPort = 1
	}
	if err == nil && (n < minPort || n > 65535) {
		return usage(fmt.Sprintf("ports go from %d to 65535", minPort), "--%s %q: there is no port %d",
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
