package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A load is a way to ask a server. In args, PORT, SIZE and SECONDS are filled in.
type load struct {
	name  string
	title string
	args  []string
	limit string // the contender that the others are compared with
	skip  []string
	trip  bool // the round trip is what counts
}

var loads = []load{
	{
		name: "flood", title: "open loop: 16 clients send as fast as they can",
		args: []string{"flood", "PORT", "SIZE", "16", "SECONDS"}, limit: "C, batches (the limit)",
	},
	{
		name: "closed", title: "closed loop: 64 clients, 16 requests of each in flight",
		args: []string{"closed", "PORT", "SIZE", "64", "16", "SECONDS"}, limit: "C, batches (the limit)",
	},
	{
		name: "trip", title: "one client, one request in flight",
		args: []string{"closed", "PORT", "SIZE", "1", "1", "SECONDS"}, limit: "C, batches (the limit)",
		trip: true,
	},
	{
		name: "runs", title: "16 clients, 64 requests of each in flight, in runs of 64",
		args:  []string{"runs", "PORT", "SIZE", "16", "64", "SECONDS"},
		limit: "C, GRO and GSO (the limit)",
	},
}

// A session measures contenders.
type session struct {
	dir     string
	rounds  int
	seconds float64
}

// A sample is one measurement.
type sample struct {
	rate   float64 // answers a second
	cpu    float64 // ns of the server's processor time for an answer
	median float64 // of the round trip, in µs; 0 where it is not measured
	memory float64 // MiB
}

// measure runs all rounds of one load and returns the table.
func (s *session) measure(l load, size, with string) (string, error) {
	samples := make(map[string][]sample)
	for range s.rounds {
		for _, c := range contenders {
			if !chosen(with, c.name) && c.name != l.limit {
				continue
			}
			got, err := s.once(c, l, size)
			if err != nil {
				return "", fmt.Errorf("%s under %s: %w", c.name, l.name, err)
			}
			samples[c.name] = append(samples[c.name], got)
		}
	}
	return table(l, size, samples), nil
}

// once starts a contender, loads it, and ends it.
func (s *session) once(c contender, l load, size string) (sample, error) {
	p, err := c.start(s.dir)
	if err != nil {
		return sample{}, err
	}
	defer p.end()
	args := []string{"-c", loadCore, filepath.Join(s.dir, "load")}
	fill := strings.NewReplacer("PORT", p.port, "SIZE", size, "SECONDS",
		strconv.FormatFloat(s.seconds, 'f', -1, 64))
	for _, a := range l.args {
		args = append(args, fill.Replace(a))
	}
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	cmd := exec.Command("taskset", args...)
	cmd.Stderr = os.Stderr
	timeout := time.AfterFunc(time.Duration(s.seconds*float64(time.Second))+time.Minute,
		func() { cmd.Process.Kill() })
	defer timeout.Stop()
	out, runErr := cmd.Output()
	after, cpuErr := p.cpu()
	memory, memErr := p.memory()
	if err := errors.Join(runErr, cpuErr, memErr); err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, out)
	}
	return parse(string(out), after-before, memory)
}

func parse(out string, cpu time.Duration, memory float64) (sample, error) {
	var answers, checked, wrong, p50, p99 uint64
	var seconds float64
	_, err := fmt.Sscanf(out, "answers %d seconds %f checked %d wrong %d p50 %d p99 %d", &answers,
		&seconds, &checked, &wrong, &p50, &p99)
	switch {
	case err != nil:
		return sample{}, fmt.Errorf("the generator says %q: %w", out, err)
	case wrong > 0 || checked == 0 || answers == 0:
		return sample{}, fmt.Errorf("%d of %d answers checked are wrong", wrong, checked)
	}
	return sample{
		rate: float64(answers) / seconds, cpu: float64(cpu.Nanoseconds()) / float64(answers),
		median: float64(p50) / 1000, memory: memory,
	}, nil
}

// table is a load's medians, in Markdown.
func table(l load, size string, samples map[string][]sample) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s, %s bytes\n\n", l.title, size)
	what := func(s sample) float64 { return s.rate }
	unit := "answers a second"
	if l.trip {
		what, unit = func(s sample) float64 { return s.median }, "round trip, µs"
	}
	fmt.Fprintf(&b, "| server | %s | range | of the limit | CPU an answer, ns | of the limit | MiB |\n",
		unit)
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|\n")
	cpu := func(s sample) float64 { return s.cpu }
	memory := func(s sample) float64 { return s.memory }
	limit, _, _ := spread(samples[l.limit], what)
	limitCPU, _, _ := spread(samples[l.limit], cpu)
	for _, c := range contenders {
		all := samples[c.name]
		if len(all) == 0 {
			continue
		}
		mid, low, high := spread(all, what)
		midCPU, _, _ := spread(all, cpu)
		_, _, most := spread(all, memory)
		fmt.Fprintf(&b, "| %s | %s | %s–%s | %.2f | %.0f | %.2f | %.0f |\n", c.name, group(mid),
			group(low), group(high), mid/limit, midCPU, midCPU/limitCPU, most)
	}
	return b.String()
}

// spread is the median, the least and the greatest of a figure.
func spread(all []sample, figure func(sample) float64) (mid, low, high float64) {
	var v []float64
	for _, s := range all {
		v = append(v, figure(s))
	}
	slices.Sort(v)
	return v[len(v)/2], v[0], v[len(v)-1]
}

// group writes a number with its thousands apart; small ones get a decimal.
func group(v float64) string {
	if v < 1000 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// head says what was measured, on what, and how.
func head() string {
	kernel, _ := exec.Command("uname", "-sr").Output()
	return fmt.Sprintf("# Performance\n\n%s, %s, %d cores. Command, in the folder `bench`:\n\n"+
		"```console\n$ go run ./run %s\n```\n\n", strings.TrimSpace(string(kernel)), runtime.Version(),
		runtime.NumCPU(), strings.Join(os.Args[1:], " "))
}
