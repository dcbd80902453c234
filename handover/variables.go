package handover

import (
	"fmt"
	"strconv"
	"strings"
)

// The variables of the environment that describe the inherited descriptors. The first three are
// those of sd_listen_fds(3). A predecessor cannot know LISTEN_PID before it starts the process, so
// it sets variables of its own.
const (
	listenPID   = "LISTEN_PID"
	listenFDs   = "LISTEN_FDS"
	listenNames = "LISTEN_FDNAMES"

	handoverFDs = "HANDOVER_FDS" // the number of sockets; the ready pipe follows them
)

// variables lists all variables that Inherit removes from the environment.
var variables = []string{listenPID, listenFDs, listenNames, handoverFDs}

// firstFD is the first inherited descriptor (SD_LISTEN_FDS_START).
const firstFD = 3

// maxFDs is the maximum number of inherited sockets. It is more than a service needs, and keeps a
// wrong value from closing millions of descriptors.
const maxFDs = 1 << 16

// A passed describes the descriptors that a process has inherited.
type passed struct {
	names []string // of the sockets, which start at firstFD
	ready bool     // the ready pipe follows the sockets
}

// parseVariables returns the descriptors that the environment describes for the process pid. The
// result is empty if the variables are missing or meant for another process.
func parseVariables(get func(string) string, pid int) (passed, error) {
	if get(handoverFDs) != "" {
		n, err := parseCount(handoverFDs, get(handoverFDs))
		if err != nil {
			return passed{}, err
		}
		return passed{names: make([]string, n), ready: true}, nil
	}
	if get(listenPID) == "" && get(listenFDs) == "" {
		return passed{}, nil
	}
	owner, err := parseNumber(get(listenPID))
	if err != nil || owner == 0 {
		return passed{}, fmt.Errorf("%s is %q, which is not a process", listenPID, get(listenPID))
	}
	if owner != int64(pid) {
		return passed{}, nil
	}
	n, err := parseCount(listenFDs, get(listenFDs))
	if err != nil {
		return passed{}, err
	}
	names := make([]string, n)
	if get(listenNames) == "" {
		return passed{names: names}, nil
	}
	given := strings.Split(get(listenNames), ":")
	if len(given) != n {
		return passed{}, fmt.Errorf("%s has %d names for %d sockets", listenNames, len(given), n)
	}
	return passed{names: given}, nil
}

// parseCount parses a number of descriptors.
func parseCount(name, value string) (int, error) {
	n, err := parseNumber(value)
	if err != nil || n > maxFDs {
		return 0, fmt.Errorf("%s is %q, want a number from 0 to %d", name, value, maxFDs)
	}
	return int(n), nil
}

// parseNumber parses a decimal number without a sign or leading zeros.
func parseNumber(value string) (int64, error) {
	n, err := strconv.ParseUint(value, 10, 63)
	if err == nil && strconv.FormatUint(n, 10) != value {
		err = strconv.ErrSyntax
	}
	return int64(n), err
}
