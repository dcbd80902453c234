//go:build !windows

package ohce_test

// reportsPortUnreachable: a connected socket hears of an ICMP "port unreachable".
const reportsPortUnreachable = true
