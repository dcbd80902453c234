// Package testsize chooses the number of requests in tests that take long with many requests.
package testsize

import (
	"runtime/debug"
	"slices"
	"testing"
)

// Pick returns full or, if the test must be fast, reduced. A test must be fast with -short, and
// under the race detector, which makes requests about ten times slower. Pick must be called in a
// test, because it needs the parsed flags.
func Pick(full, reduced int) int {
	if testing.Short() || race() {
		return reduced
	}
	return full
}

// race reports whether the binary was built with -race.
func race() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
