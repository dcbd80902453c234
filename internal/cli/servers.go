package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/ohce/ohce"
)

var policies = []ohce.GroupPolicy{ohce.Failover, ohce.RoundRobin, ohce.Race}

func policyNames() (names []string) {
	for _, p := range policies {
		names = append(names, p.String())
	}
	return names
}

func parsePolicy(name string) (ohce.GroupPolicy, error) {
	if name == "spread" { // its former name
		return ohce.RoundRobin, nil
	}
	for _, p := range policies {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, usage("choose one of "+strings.Join(policyNames(), ", "),
		"--policy: there is no policy %q", name)
}

// findServers returns the addresses that the values of --server stand for, without duplicates. A
// value that stands for one address is returned as given.
func findServers(ctx context.Context, values []string) (addrs []string, err error) {
	if len(values) == 0 {
		return nil, usage("write HOST:PORT, as in 127.0.0.1:3000", "--server is empty")
	}
	for _, value := range values {
		found := []string{value}
		if !isServiceName(value) {
			if err := checkAddress("server", value); err != nil {
				return nil, err
			}
		}
		if !isLiteral(value) {
			if found, err = ohce.LookupServers(ctx, nil, "", value); err != nil {
				return nil, lookupFailure(value, err)
			}
		}
		if len(found) == 1 && !isServiceName(value) {
			found = []string{value}
		}
		for _, addr := range found {
			if !slices.Contains(addrs, addr) {
				addrs = append(addrs, addr)
			}
		}
	}
	return addrs, nil
}

// isServiceName reports whether a value is a name without a port, which is looked up as SRV
// records.
func isServiceName(value string) bool {
	_, err := netip.ParseAddr(value)
	return value != "" && err != nil && !strings.ContainsAny(value, ":[]/ ")
}

// isLiteral reports whether a value is an IP address with a port and needs no look-up.
func isLiteral(value string) bool {
	host, _, err := net.SplitHostPort(value)
	if err != nil {
		return false
	}
	_, err = netip.ParseAddr(host)
	return err == nil || host == ""
}

// lookupFailure returns the failure to look up a server's name.
func lookupFailure(name string, err error) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &failure{what: "interrupted", code: exitFail}
	case isServiceName(name):
		return &failure{what: fmt.Sprintf("the name %s has no servers: %v", name, rootCause(err)),
			code: exitFail, hint: "without a port a name stands for the SRV records of _ohce._udp." + name +
				"; write HOST:PORT for a host"}
	case isNameError(err):
		return &failure{what: nameError(err), hint: "check the name, or give an IP address",
			code: exitFail}
	default:
		return &failure{what: fmt.Sprintf("cannot look up %s: %v", name, rootCause(err)), code: exitFail}
	}
}
