package handover

import (
	"fmt"
	"strconv"
	"strings"
)

// The variables of the environment that describe the inherited descriptors. The first three are
// those of sd_listen_fds(3). A predecessor cannot know LISTEN_PID before it starts the process, so
// it sets variables of its own, with its own process ID.
const (
	listenPID   = "LISTEN_PID"
	listenFDs   = "LISTEN_FDS"
	listenNames = "LISTEN_FDNAMES"

	handoverPPID = "HANDOVER_PPID" // the process ID of the predecessor
	handoverFDs  = "HANDOVER_FDS"  // how many it has passed; the ready pipe follows
)

// variables lists all variables that Inherit removes from the environment.
var variables = []string{listenPID, listenFDs, listenNames, handoverPPID, handoverFDs}

// firstFD is the first inherited descriptor (SD_LISTEN_FDS_START).
const firstFD = 3

// maxFDs is the maximum number of inherited sockets and listeners. It is more than a service needs,
// and keeps a wrong value from closing millions of descriptors.
const maxFDs = 1 << 16

// A passed describes the descriptors that a process has inherited.
type passed struct {
	names []string // of the sockets and listeners, which start at firstFD
	ready bool     // the ready pipe follows them

	// foreign is the number of descriptors that a predecessor has passed to another process, the
	// ready pipe included, or 0.
	foreign int
}

// parseVariables returns the descriptors that the environment describes for the process pid with
// the given parent. It has no names if the variables are missing or meant for another process: a
// child of a successor has the variables too, but another parent.
func parseVariables(get func(string) string, pid, parent int) (passed, error) {
	foreign := 0
	if get(handoverPPID) != "" || get(handoverFDs) != "" {
		n, mine, err := parseFDs(get, handoverPPID, parent, handoverFDs)
		if err != nil {
			return passed{}, err
		}
		if mine {
			return passed{names: make([]string, n), ready: true}, nil
		}
		foreign = n + 1
	}
	if get(listenPID) == "" && get(listenFDs) == "" {
		return passed{foreign: foreign}, nil
	}
	n, mine, err := parseFDs(get, listenPID, pid, listenFDs)
	if err != nil {
		return passed{}, err
	}
	if !mine {
		return passed{foreign: foreign}, nil
	}
	names := make([]string, n)
	if get(listenNames) == "" {
		return passed{names: names}, nil
	}
	given := strings.Split(get(listenNames), ":")
	if len(given) != n {
		return passed{}, fmt.Errorf("%s has %d names for %d descriptors", listenNames, len(given), n)
	}
	return passed{names: given}, nil
}

// parseFDs returns the number of descriptors in a variable, and whether it is meant for this
// process: another variable, the owner, must have the value id. A malformed number for another
// process is -1.
func parseFDs(
	get func(string) string, owner string, id int, count string,
) (n int, mine bool, err error) {
	process, err := parseNumber(get(owner))
	if err != nil || process == 0 {
		return 0, false, fmt.Errorf("%s is %q, which is not a process", owner, get(owner))
	}
	n, err = parseCount(count, get(count))
	if process == int64(id) {
		return n, err == nil, err
	}
	if err != nil {
		n = -1
	}
	return n, false, nil
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
