// Package netns creates network namespaces for tests that need several hosts, forged sources or
// packet filters. Its functions have the build tag priv, and need Linux, root and ip(8). To run the
// tests, use make priv.
package netns
