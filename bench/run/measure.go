package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A load is a pattern of requests.
type load struct {
	name  string
	title string
	args  []string // arguments of the load generator; PORT, SIZE and SECONDS are replaced
	limit string   // name of the candidate with which the others are compared
	trip  bool     // the figure is the round-trip time instead of the rate
}

var loads = []load{
	{
		name: "flood", title: "open loop: 16 clients that send as fast as they can",
		args: []string{"flood", "PORT", "SIZE", "16", "SECONDS"}, limit: limitBatch,
	},
	{
		name: "closed", title: "closed loop: 64 clients with 16 requests in flight each",
		args: []string{"closed", "PORT", "SIZE", "64", "16", "SECONDS"}, limit: limitBatch,
	},
	{
		name: "trip", title: "one client with one request in flight",
		args: []string{"closed", "PORT", "SIZE", "1", "1", "SECONDS"}, limit: limitBatch, trip: true,
	},
	{
		name: "runs", title: "16 clients with 64 requests in flight each, sent as segments",
		args: []string{"runs", "PORT", "SIZE", "16", "64", "SECONDS"}, limit: limitRuns,
	},
}

// A session measures candidates.
type session struct {
	dir     string
	rounds  int
	first   int // factor for the number of rounds with the first size
	seconds float64

	precision float64 // largest relative distance of the bounds of a rate that is searched
}

// A sample is one measurement.
type sample struct {
	rate float64 // responses per second
	cpu  float64 // CPU time of the server per response, in ns
	trip float64 // median round-trip time, in µs; 0 if it was not measured
	p99  float64 // 99th percentile of the round-trip time, in µs
}

// A result is the result of a candidate under one load.
type result struct {
	name    string
	samples []sample // one for each round
	memory  float64  // maximum resident set size, in MiB
}

// measure makes all rounds of one load. All candidates run from the beginning, and are idle while
// another one is measured. They therefore take turns within fractions of a second, and a slow phase
// of the machine affects all of them.
func (s *session) measure(l load, size string, rounds int, candidates []candidate) (
	[]result, error,
) {
	var results []result
	var processes []*process
	defer func() {
		for _, p := range processes {
			p.end()
		}
	}()
	for _, c := range candidates {
		p, err := c.start(s.dir, loopback)
		if err != nil {
			return nil, err
		}
		processes = append(processes, p)
		results = append(results, result{name: c.name})
	}
	for round := range rounds {
		for i := range processes {
			i = (i + round) % len(processes) // vary which candidate is measured first
			got, err := s.measureOnce(processes[i], generator(s.dir, l.args, processes[i].port, size, s.seconds))
			if err != nil {
				return nil, fmt.Errorf("%s under %s: %w", results[i].name, l.name, err)
			}
			results[i].samples = append(results[i].samples, got)
		}
	}
	for i, p := range processes {
		var err error
		if results[i].memory, err = p.memory(); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// generator returns the command line of the load generator.
func generator(dir string, args []string, port, size string, seconds float64) []string {
	fill := strings.NewReplacer("PORT", port, "SIZE", size, "SECONDS",
		strconv.FormatFloat(seconds, 'f', -1, 64))
	all := []string{"taskset", "-c", loadCore, filepath.Join(dir, "load")}
	for _, a := range args {
		all = append(all, fill.Replace(a))
	}
	return all
}

// measureOnce runs the load generator against p for one measurement.
func (s *session) measureOnce(p *process, generator []string) (sample, error) {
	before, err := p.cpu()
	if err != nil {
		return sample{}, err
	}
	cmd := exec.Command(generator[0], generator[1:]...)
	cmd.Stderr = os.Stderr
	timeout := time.AfterFunc(time.Duration(s.seconds*float64(time.Second))+time.Minute,
		func() { cmd.Process.Kill() })
	defer timeout.Stop()
	out, runErr := cmd.Output()
	after, cpuErr := p.cpu()
	if err := errors.Join(runErr, cpuErr); err != nil {
		return sample{}, fmt.Errorf("%w: %s", err, out)
	}
	return parse(string(out), after-before)
}

// parse parses the output of the load generator. cpu is the CPU time that the server has used.
func parse(out string, cpu time.Duration) (sample, error) {
	var responses, checked, wrong, p50, p99 uint64
	var seconds float64
	_, err := fmt.Sscanf(out, "responses %d seconds %f checked %d wrong %d p50 %d p99 %d", &responses,
		&seconds, &checked, &wrong, &p50, &p99)
	switch {
	case err != nil:
		return sample{}, fmt.Errorf("output %q of the load generator: %w", out, err)
	case wrong > 0 || checked == 0 || responses == 0:
		return sample{}, fmt.Errorf("%d responses arrived, and %d of %d checked are wrong", responses,
			wrong, checked)
	}
	return sample{
		rate: float64(responses) / seconds, cpu: float64(cpu.Nanoseconds()) / float64(responses),
		trip: float64(p50) / 1000, p99: float64(p99) / 1000,
	}, nil
}
