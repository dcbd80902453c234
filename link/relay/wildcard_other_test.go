//go:build !linux || ohce_portable

package relay_test

// wholeLoopback: a wildcard serves the addresses that the machine's interfaces have.
const wholeLoopback = false
