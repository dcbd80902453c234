//go:build !ohce_portable

package ohce_test

// wholeLoopback reports whether a server on a wildcard address serves all of 127.0.0.0/8.
const wholeLoopback = true
