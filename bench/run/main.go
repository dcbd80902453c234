// Run measures ohce against what else there is, on this machine, in one session.
//
// Each contender is a server pinned to one core; the load generator, in C, has another. A round
// takes each contender in turn, so that what else the machine does hits all of them. The medians over
// all rounds are printed, with the range, and ratios: of the limit, a minimal server in C, and of ohce
// to each, both taken round by round. A wrong answer ends the run with an error.
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
	rounds := flag.Int("rounds", 5, "how often each contender is measured")
	seconds := flag.Float64("seconds", 1, "how long each measurement takes")
	only := flag.String("only", "", "what to measure, between commas, of flood, closed, trip, runs, sizes, "+
		"ports (root) and shards; all of these if empty; or relay")
	with := flag.String("with", "", "the contenders to run, between commas; all if empty")
	sizes := flag.String("sizes", "64", "the datagrams' sizes in bytes, between commas")
	first := flag.Int("first", 1, "how many times as many rounds the first of the sizes gets")
	markdown := flag.String("markdown", "", "the file to write the tables to, besides standard output; "+
		"the pictures go beside it")
	flag.Parse()
	if *rounds < 1 || *seconds <= 0 || *first < 1 || flag.NArg() > 0 {
		log.Fatal("-rounds, -seconds and -first must be positive, and nothing else is taken")
	}
	dir, err := os.MkdirTemp("", "ohce-bench-")
	if err != nil {
		log.Fatal(err)
	}
	s := &session{dir: dir, rounds: *rounds, first: *first, seconds: *seconds}
	err = errors.Join(s.run(*only, *with, *sizes, newReport(*markdown)), os.RemoveAll(dir))
	if err != nil {
		log.Fatal(err)
	}
}

// run measures what is chosen and reports it.
func (s *session) run(only, with, sizes string, r *report) error {
	if err := build(s.dir); err != nil {
		return err
	}
	for _, l := range loads {
		if !chosen(only, l.name) {
			continue
		}
		for i, size := range strings.Split(sizes, ",") {
			rounds := s.rounds
			if i == 0 {
				rounds *= s.first
			}
			results, err := s.measure(l, size, rounds, entered(l, with))
			if err != nil {
				return err
			}
			draw := func(file string) error { return bars(file, l, results) }
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
		measure func() (*growth, error)
	}{{"sizes", s.sizes}, {"ports", s.ports}} {
		if !chosen(only, g.name) {
			continue
		}
		if why := noNetwork(); g.name == "ports" && only == "" && why != "" {
			fmt.Printf("client ports are not measured: %s\n\n", why)
			continue
		}
		grown, err := g.measure()
		if err != nil {
			return err
		}
		if err := r.add(grown.title, grown.table(), grown.name, grown.lines); err != nil {
			return err
		}
	}
	if chosen(only, "shards") {
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
	return r.write()
}

// shards compares numbers of shards under the loads in which they could bring something.
func (s *session) shards(r *report) error {
	for _, tt := range []struct{ load, size string }{
		{"closed", "64"}, {"closed", "60000"}, {"runs", "64"}, {"trip", "64"},
	} {
		l := loads[slices.IndexFunc(loads, func(l load) bool { return l.name == tt.load })]
		l.limit = sharded()[0].name
		results, err := s.measure(l, tt.size, s.rounds, sharded())
		if err != nil {
			return err
		}
		title := fmt.Sprintf("shards on all processors, the generator's too: %s, %s bytes", l.title, tt.size)
		if err := r.add(title, table(l, results), "", nil); err != nil {
			return err
		}
	}
	return nil
}

// entered are the contenders that stand a load and are asked for.
func entered(l load, with string) (all []contender) {
	for _, c := range contenders {
		if (chosen(with, c.name) || c.name == l.limit) && (c.only == "" || c.only == l.name) {
			all = append(all, c)
		}
	}
	return all
}

// chosen reports whether a list between commas names name; an empty one names everything.
func chosen(list, name string) bool {
	return list == "" || slices.Contains(strings.Split(list, ","), name)
}

// build compiles the contenders and the generator into dir.
func build(dir string) error {
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(here, "c", "load.c")); err != nil {
		return fmt.Errorf("run this in the folder bench: %w", err)
	}
	for _, name := range []string{"batch", "gso", "load", "many", "relay"} {
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
