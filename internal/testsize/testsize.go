// Package testsize gives the sizes of tests whose time grows with the number of requests they make.
package testsize

import (
	"runtime/debug"
	"slices"
	"testing"
)

// Pick returns full, or reduced if the test must be quick: with -short, or under the race detector,
// which makes a request about ten times as slow. It must be called after the flags are parsed.
func Pick(full, reduced int) int {
	if testing.Short() || race() {
		return reduced
	}
	return full
}

// race reports whether the binary was built with the race detector.
func race() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
