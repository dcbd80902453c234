//go:build !linux || ohce_portable

package ohce_test

// wholeLoopback is false because a server on a wildcard address serves only the addresses of the
// machine's interfaces.
const wholeLoopback = false
