//go:build !windows

package ohce_test

// reportsPortUnreachable reports whether a connected socket returns an error after an ICMP port
// unreachable message.
const reportsPortUnreachable = true
