package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A report collects the results of a run. It prints them and writes them to a Markdown file. The
// pictures are in a folder beside the file, with the same name without the extension.
type report struct {
	file    string // name of the file; if empty, none is written
	title   string
	lead    string // explains the summary
	top     string // name of the picture that follows the summary; if empty, none does
	topLink string // shows that picture
	remarks string // name of a file with remarks to include
	summary summary
	table   string // replaces the table of the summary; if empty, nothing does
	text    strings.Builder
}

// lead explains the summary of the servers.
const lead = `Rates of responses to 64-byte requests, relative to a minimal server in C that does the same work. Each
server has one core.

- *open loop*: 16 clients send as fast as they can.
- *closed loop*: 64 clients have 16 requests in flight each.
- *segments*: 16 clients have 64 requests in flight each, sent with one system call as segments (GSO).
- *round trip*: the median round-trip time of one client with one request in flight; lower is better.`

func newReport(file string) *report {
	return &report{file: file, title: "# Performance", lead: lead, top: "flood-64", remarks: "remarks.md"}
}

// add prints a section and adds it to the file. If draw is not nil, the section begins with the
// picture that it draws.
func (r *report) add(title, table, picture string, draw func(file string) error) error {
	fmt.Printf("### %s\n\n%s\n", title, table)
	fmt.Fprintf(&r.text, "### %s\n\n", title)
	if r.file != "" && draw != nil {
		folder := strings.TrimSuffix(r.file, filepath.Ext(r.file))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		picture += ".svg"
		if err := draw(filepath.Join(folder, picture)); err != nil {
			return err
		}
		link := fmt.Sprintf("![%s](%s/%s)\n\n", title, filepath.Base(folder), picture)
		if picture == r.top+".svg" {
			r.topLink = link
		} else {
			r.text.WriteString(link)
		}
	}
	r.text.WriteString(table + "\n")
	return nil
}

// write writes the file: the summary with its picture, the environment, the remarks and the
// sections.
func (r *report) write() error {
	if r.file == "" {
		return nil
	}
	remarks, err := os.ReadFile(r.remarks)
	if err != nil {
		return err
	}
	top := r.title + "\n\n" + r.lead + "\n\n" + cmp.Or(r.table, r.summary.table()) + "\n" + r.topLink
	text := top + "## Measurement" + head() + string(remarks) + "\n## All figures\n\n" +
		strings.TrimSpace(r.text.String()) + "\n"
	return os.WriteFile(r.file, []byte(text), 0o644)
}

// head describes the environment of the measurement and its command.
func head() string {
	kernel, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		kernel = []byte("an unknown kernel")
	}
	return fmt.Sprintf("\n\n%s, %s, %d cores (%s). Command, in the folder `bench`:\n\n"+
		"```console\n$ go run ./run %s\n```\n\n", strings.TrimSpace(string(kernel)), runtime.Version(),
		runtime.NumCPU(), processor(), strings.Join(os.Args[1:], " "))
}

// processor returns the model name of the CPU or, if it is unknown, its architecture.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	_, rest, found := strings.Cut(string(info), "model name")
	if !found {
		return runtime.GOARCH
	}
	name, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(name, " \t:")
}
