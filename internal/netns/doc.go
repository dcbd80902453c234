// Package netns makes network namespaces for tests that need several hosts, forged sources or packet
// filters. All of it is under the build tag priv and needs root and ip(8), from Linux: make priv.
package netns
