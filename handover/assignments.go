package handover

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// joinAssignments returns the message that holds assignments of the form NAME=VALUE.
func joinAssignments(assignments []string) (string, error) {
	for _, a := range assignments {
		name, _, ok := strings.Cut(a, "=")
		if !ok || name == "" || strings.ContainsAny(a, "\n\x00") {
			return "", fmt.Errorf("handover: %q is not an assignment NAME=VALUE", a)
		}
	}
	return strings.Join(assignments, "\n"), nil
}

// managerAddr returns the address in NOTIFY_SOCKET (sd_notify(3)): a path, or @ and an abstract
// name. The result is nil if the variable is empty.
func managerAddr(name string) (*net.UnixAddr, error) {
	switch {
	case name == "":
		return nil, nil
	case len(name) == 1 || name[0] != '/' && name[0] != '@':
		return nil, fmt.Errorf("handover: NOTIFY_SOCKET %q is not a Unix socket: %w", name,
			errors.ErrUnsupported)
	}
	return &net.UnixAddr{Name: name, Net: "unixgram"}, nil
}

// checkName returns an error if systemd would not accept name for a descriptor.
func checkName(name string) error {
	invalid := func(r rune) bool { return r < ' ' || r > '~' || r == ':' }
	if name == "" || len(name) > 255 || strings.ContainsFunc(name, invalid) {
		return fmt.Errorf("handover: name %q must have 1 to 255 printable ASCII characters and no colon",
			name)
	}
	return nil
}
