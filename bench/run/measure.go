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

// A load is a way to ask a server. In args, PORT, SIZE and SECONDS are filled in.
type load struct {
	name  string
	title string
	args  []string
	limit string // the candidate that the others are compared with
	trip  bool   // the round trip is what counts
}

var loads = []load{
	{
		name: "flood", title: "open loop: 16 clients send as fast as they can",
		args: []string{"flood", "PORT", "SIZE", "16", "SECONDS"}, limit: limitBatch,
	},
	{
		name: "closed", title: "closed loop: 64 clients, 16 requests of each in flight",
		args: []string{"closed", "PORT", "SIZE", "64", "16", "SECONDS"}, limit: limitBatch,
	},
	{
		name: "trip", title: "one client, one request in flight",
		args: []string{"closed", "PORT", "SIZE", "1", "1", "SECONDS"}, limit: limitBatch, trip: true,
	},
	{
		name: "runs", title: "16 clients, 64 requests of each in flight, in runs of 64",
		args: []string{"runs", "PORT", "SIZE", "16", "64", "SECONDS"}, limit: limitRuns,
	},
}

// A session measures candidates.
type session struct {
	dir     string
	rounds  int
	first   int // times as many for the first size
	seconds float64
}

// A sample is one measurement.
type sample struct {
	rate float64 // answers a second
	cpu  float64 // ns of the server's processor time for an answer
	trip float64 // the median round trip, in µs; 0 where it is not measured
	p99  float64 // its 99th percentile
}

// A result is what a candidate did, a sample a round.
type result struct {
	name    string
	samples []sample
	memory  float64 // MiB, at most
}

// measure runs all rounds of one load. All candidates are there from the beginning and idle while
// they are not asked: so they take turns within fractions of a second, and a machine that is slow for
// a while is slow for all of them.
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
			i = (i + round) % len(processes) // nobody always follows the same one
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

// generator is the command line of the load generator.
func generator(dir string, args []string, port, size string, seconds float64) []string {
	fill := strings.NewReplacer("PORT", port, "SIZE", size, "SECONDS",
		strconv.FormatFloat(seconds, 'f', -1, 64))
	all := []string{"taskset", "-c", loadCore, filepath.Join(dir, "load")}
	for _, a := range args {
		all = append(all, fill.Replace(a))
	}
	return all
}

// measureOnce loads a server.
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

func parse(out string, cpu time.Duration) (sample, error) {
	var answers, checked, wrong, p50, p99 uint64
	var seconds float64
	_, err := fmt.Sscanf(out, "responses %d seconds %f checked %d wrong %d p50 %d p99 %d", &answers,
		&seconds, &checked, &wrong, &p50, &p99)
	switch {
	case err != nil:
		return sample{}, fmt.Errorf("the generator says %q: %w", out, err)
	case wrong > 0 || checked == 0 || answers == 0:
		return sample{}, fmt.Errorf("%d of %d answers checked are wrong", wrong, checked)
	}
	return sample{
		rate: float64(answers) / seconds, cpu: float64(cpu.Nanoseconds()) / float64(answers),
		trip: float64(p50) / 1000, p99: float64(p99) / 1000,
	}, nil
}
