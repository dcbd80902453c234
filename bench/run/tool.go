package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A tool is a load generator.
type tool struct {
	name   string
	server candidate
	// args is the command line. ADDR, PORT, DIR, RATE, SECONDS and INTERVAL (from one request to the
	// next) are replaced.
	args  []string
	parse func(out string, rate int, seconds float64) (trial, error)
	start int // rate of the first trial

	timed        bool   // reports how many requests were on time, and that counts
	closed       bool   // has no rate: its figure is the rate of responses
	wholeSeconds bool   // its duration is a whole number of seconds
	limit        string // name of the tool with which it is compared
	missing      string // why it cannot run; if empty, it can
}

// The names of the load generators that show the limits of the socket interface.
const (
	limitPace     = "C, one per call"
	limitSegments = "C, segments, closed loop"
)

// The names of ohce load with and without segments.
const (
	toolOhce     = "ohce load"
	toolSegments = "ohce load --segments"
)

// lateAllowed ends the names of the variants whose requests may be late.
const lateAllowed = " (late allowed)"

// tools returns all load generators. Those that speak a protocol of their own have a server of
// their own.
func tools() []*tool {
	batch, segments := serverNamed(limitBatch), serverNamed(limitRuns)
	dns := candidate{name: "DNS, in Go with ohce", args: []string{"DIR/server", "dns", "ADDR:PORT"}}
	pace := &tool{
		name: limitPace, server: batch, parse: parsePace, start: 100_000, timed: true, limit: limitPace,
		args: []string{"DIR/pace", "PORT", "64", "RATE", "SECONDS"},
	}
	ohce := ohceTool(toolOhce, batch, 100_000, limitPace, "--size", "64")
	ohceDNS := ohceTool(toolOhce+" --probe dns", dns, 50_000, limitPace, "--probe", "dns")
	all := []*tool{pace, ohce, ohceDNS, pace.withLate(), ohce.withLate(), ohceDNS.withLate()}
	all = append(all, otherTools(batch, dns)...)
	return append(all,
		&tool{
			name: limitSegments, server: segments, parse: parseClosed, closed: true, limit: limitSegments,
			args: []string{"DIR/load", "runs", "PORT", "64", "16", "64", "SECONDS"},
		},
		ohceTool(toolSegments, segments, 1_000_000, limitSegments, "--size", "64", "--segments"))
}

// ohceTool returns a tool that runs ohce load with the given flags.
func ohceTool(name string, server candidate, start int, limit string, flags ...string) *tool {
	args := []string{"DIR/ohce", "load", "--rate", "RATE", "--duration", "SECONDSs", "--json"}
	return &tool{
		name: name, server: server, parse: parseOhce, start: start, timed: true, limit: limit,
		args: append(append(args, flags...), "ADDR:PORT"),
	}
}

// withLate returns a variant of a tool whose requests may be late, as those of the tools that do
// not report it.
func (t *tool) withLate() *tool {
	v := *t
	v.name, v.limit, v.timed = t.name+lateAllowed, t.limit+lateAllowed, false
	v.parse = func(out string, rate int, seconds float64) (trial, error) {
		got, err := t.parse(out, rate, seconds)
		got.onTime = got.byEnd
		return got, err
	}
	return &v
}

// serverNamed returns one of candidates.
func serverNamed(name string) candidate {
	return candidates[slices.IndexFunc(candidates, func(c candidate) bool { return c.name == name })]
}

// selectTools returns the tools in the list with, and the limits. It prepares them, and finds out
// which cannot run.
func selectTools(dir, with string) (all []*tool, err error) {
	for _, t := range tools() {
		if !selected(with, t.name) && t.name != t.limit {
			continue
		}
		if t.missing == "" {
			t.missing = prepare(dir, t)
		}
		all = append(all, t)
	}
	return all, os.WriteFile(filepath.Join(dir, "queries"), []byte("www.example.org A\n"), 0o644)
}

// prepare finds the program of a tool, or builds it. It returns why that failed, or "".
func prepare(dir string, t *tool) string {
	program := t.args[0]
	if program == "DIR/fortio" {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		install := exec.CommandContext(ctx, "go", "install", "fortio.org/fortio@"+fortioVersion)
		install.Env = append(os.Environ(), "GOBIN="+dir)
		if _, err := install.CombinedOutput(); err != nil {
			return "go install fortio.org/fortio@" + fortioVersion + " failed"
		}
	}
	if strings.HasPrefix(program, "DIR/") {
		return ""
	}
	if _, err := exec.LookPath(program); err != nil {
		return "not installed"
	}
	return ""
}
