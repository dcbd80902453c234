// Run measures ohce against what else there is, on this machine, in one session.
//
// Each contender is a server pinned to one core; the load generator, in C, has another. A round
// takes each contender in turn, so that what else the machine does hits all of them; the medians over
// all rounds are printed, with the range and the ratio to the limit, a minimal server in C. A wrong
// answer ends the run with an error.
//
//	go run ./run -rounds 5 -seconds 1 -only flood,closed -markdown ../docs/performance.md
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	rounds := flag.Int("rounds", 5, "how often each contender is measured")
	seconds := flag.Float64("seconds", 1, "how long each measurement takes")
	only := flag.String("only", "", "the loads to run, between commas; all if empty")
	with := flag.String("with", "", "the contenders to run, between commas; all if empty")
	sizes := flag.String("sizes", "64", "the datagrams' sizes in bytes, between commas")
	markdown := flag.String("markdown", "", "the file to write the tables to, besides standard output")
	flag.Parse()
	if *rounds < 1 || *seconds <= 0 {
		log.Fatal("-rounds and -seconds must be positive")
	}
	dir, err := os.MkdirTemp("", "ohce-bench-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		log.Fatal(err)
	}
	session := &session{dir: dir, rounds: *rounds, seconds: *seconds}
	var report strings.Builder
	for _, l := range loads {
		if !chosen(*only, l.name) {
			continue
		}
		for size := range strings.SplitSeq(*sizes, ",") {
			results, err := session.measure(l, size, *with)
			if err != nil {
				os.RemoveAll(dir)
				log.Fatal(err)
			}
			text := fmt.Sprintf("### %s, %s bytes\n\n%s\n", l.title, size, table(l, results))
			fmt.Print(text)
			report.WriteString(text)
		}
	}
	if *markdown == "" {
		return
	}
	remarks, err := os.ReadFile("remarks.md")
	if err != nil {
		log.Fatal(err)
	}
	text := head() + string(remarks) + strings.TrimSpace(report.String()) + "\n"
	if err := os.WriteFile(*markdown, []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
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
	for _, name := range []string{"batch", "gso", "load"} {
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

// head says what was measured, on what, and how.
func head() string {
	kernel, _ := exec.Command("uname", "-sr").Output()
	return fmt.Sprintf("# Performance\n\n%s, %s, %d cores. Command, in the folder `bench`:\n\n"+
		"```console\n$ go run ./run %s\n```\n\n", strings.TrimSpace(string(kernel)), runtime.Version(),
		runtime.NumCPU(), strings.Join(os.Args[1:], " "))
}
