//go:build !windows

package ohce_test

// kernelTellsRefusal: a connected socket hears of an ICMP "port unreachable".
const kernelTellsRefusal = true
