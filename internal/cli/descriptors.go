package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

const (
	// pollerDescriptors is the number of file descriptors that the poller of the Go runtime needs. The
	// first timer or socket starts the poller, which crashes the process if it lacks descriptors.
	pollerDescriptors = 2
	// neededDescriptors is the number of file descriptors that a command needs besides the open ones:
	// for the poller and for its sockets.
	neededDescriptors = 16
)

// descriptorHint is the hint of a failure for lack of file descriptors.
const descriptorHint = "raise the limit with: ulimit -n 1024"

// checkDescriptors fails if cmd needs sockets and the process may not open enough file descriptors. It
// must be called before the command starts a timer or opens a file or socket.
func checkDescriptors(cmd *cobra.Command) error {
	if usesSockets(cmd) && !canOpen(neededDescriptors) {
		return &failure{
			what: fmt.Sprintf("too many open files: ohce needs %d more", neededDescriptors),
			hint: descriptorHint, code: exitFail,
		}
	}
	return nil
}

// usesSockets reports whether a command or one above it opens sockets.
func usesSockets(cmd *cobra.Command) bool {
	for ; cmd != nil; cmd = cmd.Parent() {
		switch cmd.Name() {
		case "serve", "send", "link", "exporter", "demo":
			return true
		}
	}
	return false
}
