package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A report is what a run prints and, if it has a file, writes there in Markdown, with a folder of
// pictures beside it that is named like it.
type report struct {
	file    string
	title   string
	lead    string // explains the summary
	top     string // name of the picture that follows the summary; if empty, none does
	topLink string // shows that picture
	remarks string // name of a file with remarks to include
	summary summary
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

// add prints a section and keeps it, with the picture that draw makes.
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

// write writes the file: the summary and its picture, the environment, the remarks and the sections.
func (r *report) write() error {
	if r.file == "" {
		return nil
	}
	remarks, err := os.ReadFile(r.remarks)
	if err != nil {
		return err
	}
	top := r.title + "\n\n" + r.lead + "\n\n" + r.summary.table() + "\n" + r.topLink
	text := top + "## Measurement" + head() + string(remarks) + "\n## All figures\n\n" +
		strings.TrimSpace(r.text.String()) + "\n"
	return os.WriteFile(r.file, []byte(text), 0o644)
}

// head says what was measured, on what, and how.
func head() string {
	kernel, err := exec.Command("uname", "-sr").Output()
	if err != nil {
		kernel = []byte("an unknown kernel")
	}
	return fmt.Sprintf("\n\n%s, %s, %d cores (%s). Command, in the folder `bench`:\n\n"+
		"```console\n$ go run ./run %s\n```\n\n", strings.TrimSpace(string(kernel)), runtime.Version(),
		runtime.NumCPU(), processor(), strings.Join(os.Args[1:], " "))
}

// processor is the name that the system gives the processor.
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
