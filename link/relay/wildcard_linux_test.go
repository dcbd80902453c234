//go:build !ohce_portable

package relay_test

// wholeLoopback: a wildcard serves every address that reaches it, here all of 127.0.0.0/8.
const wholeLoopback = true
