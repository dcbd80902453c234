// Command run measures ohce serve and other UDP servers on this machine.
//
// Each server is pinned to one CPU core, and the load generator, which is written in C, to another.
// In each round, the servers take turns, so that other activity of the machine affects all of them.
// The report has the median and range over all rounds, and two ratios for each server: its figure
// relative to the limit, a minimal server in C, and that of ohce relative to the server. Each ratio
// is the median of the ratios in the same round. A wrong response ends the run with an error.
//
// With -only load, it measures load generators instead.
//
//	go run ./run -rounds 15 -seconds 0.3 -only flood,closed -markdown ../docs/performance.md
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	rounds := flag.Int("rounds", 5, "measure each server in `N` rounds")
	seconds := flag.Float64("seconds", 1, "measure each server for `SECONDS` in a round")
	only := flag.String("only", "", "comma-separated `LIST` of measurements: flood, closed, trip, runs, "+
		"sizes, ports (needs root) and shards; or relay or load alone (default all except these two)")
	with := flag.String("with", "", "comma-separated `LIST` of servers (with -only load: of load generators) "+
		"to measure (default all)")
	precision := flag.Float64("precision", 0.03, "with -only load: the largest relative `ERROR` of a rate")
	sizes := flag.String("sizes", "64", "comma-separated `LIST` of datagram sizes in bytes")
	first := flag.Int("first", 1, "measure the first size in `N` times as many rounds")
	markdown := flag.String("markdown", "", "write the report to `FILE` too, and the pictures to a folder "+
		"beside it")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		log.Fatalf("unexpected argument %q", flag.Arg(0))
	case *rounds < 1 || *seconds <= 0 || *first < 1 || *precision <= 0:
		log.Fatal("-rounds, -seconds, -first and -precision must be positive")
	}
	dir, err := os.MkdirTemp("", "ohce-bench-")
	if err != nil {
		log.Fatal(err)
	}
	s := &session{dir: dir, rounds: *rounds, first: *first, seconds: *seconds, precision: *precision}
	err = errors.Join(s.run(*only, *with, *sizes, newReport(*markdown)), os.RemoveAll(dir))
	if err != nil {
		log.Fatal(err)
	}
}

// run makes the selected measurements and reports them.
func (s *session) run(only, with, sizes string, r *report) error {
	if err := build(s.dir); err != nil {
		return err
	}
	for _, l := range loads {
		if !selected(only, l.name) {
			continue
		}
		for i, size := range strings.Split(sizes, ",") {
			rounds := s.rounds
			if i == 0 {
				rounds *= s.first
			}
			results, err := s.measure(l, size, rounds, selectCandidates(l, with))
			if err != nil {
				return err
			}
			draw := func(file string) error { return barChart(file, l, results) }
			title := fmt.Sprintf("%s, %s bytes, %d rounds", l.title, size, rounds)
			if err := r.add(title, table(l, results), l.name+"-"+size, draw); err != nil {
				return err
			}
			if i == 0 {
				r.summary.add(l, results)
			}
		}
	}
	for _, g := range []struct {
		name    string
		measure func() (*sweep, error)
	}{{"sizes", s.sizes}, {"ports", s.ports}} {
		if !selected(only, g.name) {
			continue
		}
		if why := missingForPorts(); g.name == "ports" && only == "" && why != "" {
			fmt.Printf("skipped the measurement ports: %s\n\n", why)
			continue
		}
		swept, err := g.measure()
		if err != nil {
			return err
		}
		if err := r.add(swept.title, swept.table(), swept.name, swept.lineChart); err != nil {
			return err
		}
	}
	if selected(only, "shards") {
		if err := s.shards(r); err != nil {
			return err
		}
	}
	if only == "relay" { // it has a report of its own
		r.title, r.lead, r.top, r.remarks = "# Performance of the relay", relayLead, "", "relay.md"
		if err := s.relay(r); err != nil {
			return err
		}
	}
	if only == "load" { // it has a report of its own, too
		r.title, r.top, r.remarks = "# Performance of load generators", "", "load.md"
		if err := s.tools(r, with); err != nil {
			return err
		}
	}
	return r.write()
}

// shards compares numbers of shards under the loads in which more shards could be faster.
func (s *session) shards(r *report) error {
	for _, tt := range []struct{ load, size string }{
		{"closed", "64"}, {"closed", "60000"}, {"runs", "64"}, {"trip", "64"},
	} {
		l := loads[slices.IndexFunc(loads, func(l load) bool { return l.name == tt.load })]
		l.limit = shardCandidates()[0].name
		results, err := s.measure(l, tt.size, s.rounds, shardCandidates())
		if err != nil {
			return err
		}
		title := fmt.Sprintf("shards on all cores, including the generator's: %s, %s bytes", l.title,
			tt.size)
		if err := r.add(title, table(l, results), "", nil); err != nil {
			return err
		}
	}
	return nil
}

// selectCandidates returns the candidates in the list with, and the limit, that can bear a load.
func selectCandidates(l load, with string) (all []candidate) {
	for _, c := range candidates {
		if (selected(with, c.name) || c.name == l.limit) && (c.only == "" || c.only == l.name) {
			all = append(all, c)
		}
	}
	return all
}

// selected reports whether a comma-separated list contains name. An empty list contains every name.
func selected(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

// build compiles the candidates and the load generators into dir.
func build(dir string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(here, "c", "load.c")); err != nil {
		return fmt.Errorf("must be run in the folder bench: %w", err)
	}
	for _, name := range []string{"batch", "gso", "load", "many", "pace", "relay"} {
		src := filepath.Join("c", name+".c")
		if err := command("cc", "-O3", "-o", filepath.Join(dir, name), src); err != nil {
			return err
		}
	}
	if err := command("go", "build", "-o", filepath.Join(dir, "server"), "./server"); err != nil {
		return err
	}
	return command("go", "build", "-C", "..", "-o", filepath.Join(dir, "ohce"), "./cmd/ohce")
}
