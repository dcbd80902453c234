// Package testsize chooses between the short form of a test, which go test runs, and the full one,
// which make full runs.
package testsize

import (
	"flag"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
)

// variable is the environment variable that selects the full form of all tests, unless it is empty.
const variable = "OHCE_FULL"

// Full reports whether tests run in full. They never do under the race detector, which makes requests
// about ten times slower.
func Full() bool { return os.Getenv(variable) != "" && !Race() }

// Pick returns full if tests run in full, and short otherwise.
func Pick(full, short int) int {
	if Full() {
		return full
	}
	return short
}

// RequireFull skips a test that takes long, unless tests run in full or one of the environment
// variables, with which a target of the Makefile selects the test, is set.
func RequireFull(t testing.TB, variables ...string) {
	t.Helper()
	if !Full() && !slices.ContainsFunc(variables, func(v string) bool { return os.Getenv(v) != "" }) {
		t.Skipf("takes long: make full runs it, and %s=1 go test without the race detector", variable)
	}
}

// RunInParallel lets ten parallel tests of a package run at the same time on a machine with fewer
// cores, because they wait most of their time. Under the race detector, which needs more of a core,
// there are six. The flag -parallel overrides it. RunInParallel must be called in TestMain, before the
// flags are parsed.
func RunInParallel() {
	testing.Init() // defines the flags
	n := 10
	if Race() {
		n = 6
	}
	if err := flag.Set("test.parallel", strconv.Itoa(max(n, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err) // impossible: it is a number
	}
}

// Race reports whether the test was built with the race detector.
func Race() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
