package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The shares of requests that may be late and lost in a trial that succeeds. A shared machine stops
// every program for some milliseconds in a second, so more may be late.
const (
	tolerance     = 0.001
	lateTolerance = 0.01
)

// A trial is a run of a load generator at one rate, as the generator reports it.
type trial struct {
	asked    int // requests that were due
	sent     int
	onTime   int // requests sent at most 1 ms late; equal to byEnd if the generator does not report it
	byEnd    int // requests sent before the end of the run
	answered int
	lag      lag // only of ohce
}

// A lag describes the times from the due times of requests to their transmissions, in ms. Its
// fields are those of ohce load --json.
type lag struct{ Median, P99 float64 }

// late returns the share of the requests that were not sent, or not on time.
func (t trial) late() float64 { return share(t.asked-t.onTime, t.asked) }

// lost returns the share of the requests sent that were not answered.
func (t trial) lost() float64 { return share(t.sent-t.answered, t.sent) }

// success reports whether the generator did what it was asked to do.
func (t trial) success() bool { return t.late() <= lateTolerance && t.lost() <= tolerance }

// share returns n/of, at least 0. If of is not positive, it returns 1.
func share(n, of int) float64 {
	if of <= 0 {
		return 1
	}
	return max(float64(n)/float64(of), 0)
}

// runTwice runs the tool for one trial, and repeats the trial if the tool fails. A single failure does
// not end a long measurement.
func (t *tool) runTwice(dir, port string, rate int, seconds float64) (trial, error) {
	got, err := t.run(dir, port, rate, seconds)
	if err != nil {
		log.Printf("repeating a trial: %v", err)
		got, err = t.run(dir, port, rate, seconds)
	}
	return got, err
}

// run runs the tool against a server for one trial. It ignores the exit status if the output is
// complete: a tool can report with it that the trial failed.
func (t *tool) run(dir, port string, rate int, seconds float64) (trial, error) {
	if t.wholeSeconds {
		seconds = math.Ceil(seconds)
	}
	ctx, cancel := context.WithTimeout(context.Background(),
		time.Duration(seconds*float64(time.Second))+time.Minute)
	defer cancel()
	args := append([]string{"taskset", "-c", loadCore}, t.command(dir, port, rate, seconds)...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	out := cmp.Or(stdout.String(), stderr.String())
	result, err := t.parse(out, rate, seconds)
	if err != nil {
		return trial{}, fmt.Errorf("%s: %w; output: %q %q", t.name, errors.Join(runErr, err),
			tail(stdout.String()), tail(stderr.String()))
	}
	return result, nil
}

// command returns the command line of the tool.
func (t *tool) command(dir, port string, rate int, seconds float64) (args []string) {
	fill := strings.NewReplacer("ADDR", loopback.addr, "PORT", port, "DIR", filepath.ToSlash(dir),
		"RATE", strconv.Itoa(rate), "SECONDS", strconv.FormatFloat(seconds, 'f', -1, 64),
		"INTERVAL", (time.Second / time.Duration(rate)).String())
	for _, a := range t.args {
		args = append(args, fill.Replace(a))
	}
	return args
}

// tail returns the end of an output, for an error.
func tail(s string) string {
	const most = 500
	return s[max(0, len(s)-most):]
}
