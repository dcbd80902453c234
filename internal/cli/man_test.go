package cli

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the man pages into docs/man, and the files of other tests")

const manDir = "../../docs/man"

// The man pages are made from the help of the commands. "make man" writes them.
func TestManPages(t *testing.T) {
	made := manPages()
	if *update {
		writeManPages(t, made)
	}
	want := readManPages(t)
	for name, text := range made {
		if text != want[name] {
			t.Errorf("docs/man/%s differs from the help; run: make man", name)
		}
	}
	for name := range want {
		if made[name] == "" {
			t.Errorf("docs/man/%s belongs to no command; run: make man", name)
		}
	}
}

// Each page has the sections that a reader of man pages expects, and flags as they are typed.
func TestManPageSections(t *testing.T) {
	pages := manPages()
	for name, text := range pages {
		for _, s := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO"} {
			if !strings.Contains(text, "\n.SH "+s+"\n") {
				t.Errorf("%s has no section %s", name, s)
			}
		}
		if strings.Contains(text, "`") || strings.Contains(text, "[=") {
			t.Errorf("%s has a backquote or a flag with [=", name)
		}
	}
	for name, want := range map[string][]string{
		"ohce.1": {"\n.SH ENVIRONMENT\n", `\fBNO_COLOR\fP`, `\fBohce\-serve\fP(1)`},
		"ohce-serve.1": {"\n.SH ENVIRONMENT\n", `\fBOHCE_SERVE_BUFFER_SIZE\fP, \fBOHCE_BUFFER_SIZE\fP`,
			`\fB\-\-buffer\-size\fP \fIBYTES\fP`, "\\fB\\-\\-graphemes\\fP\n", "(default 127.0.0.1:3000)"},
		"ohce-link-ctl-create.1": {`\fBOHCE_LINK_CTL_API\fP`},
	} {
		for _, part := range want {
			if !strings.Contains(pages[name], part) {
				t.Errorf("%s lacks %q", name, part)
			}
		}
	}
}

// manPages returns the pages of all commands by file name.
func manPages() map[string]string {
	date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	root := (&app{}).command()
	made := map[string]string{manName(root) + ".1": newManPage(root, date).String()}
	for c := range commandsBelow(root) {
		if hasManPage(c) && (c.Parent() == root || hasManPage(c.Parent())) {
			made[manName(c)+".1"] = newManPage(c, date).String()
		}
	}
	return made
}

// writeManPages replaces the pages in docs/man.
func writeManPages(t *testing.T, pages map[string]string) {
	t.Helper()
	for name := range readManPages(t) {
		if err := os.Remove(filepath.Join(manDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(manDir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// readManPages returns the pages in docs/man by file name.
func readManPages(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(manDir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	pages := make(map[string]string)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(f)] = string(text)
	}
	return pages
}
