// Package netns creates network namespaces for tests that need several hosts, forged sources or
// packet filters. Everything in it has the build tag priv and needs Linux, root and ip(8). "make
// priv" runs these tests.
package netns
