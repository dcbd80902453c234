package cli

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
)

var update = flag.Bool("update", false, "write the man pages into docs/man")

const manDir = "../../docs/man"

// The man pages are made from the commands' help; `make man` writes them.
func TestManPages(t *testing.T) {
	root := (&app{}).command()
	root.DisableAutoGenTag = true
	date := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	if *update {
		dir = manDir
	}
	header := &doc.GenManHeader{Section: "1", Source: "ohce", Manual: "ohce manual", Date: &date}
	if err := doc.GenManTree(root, header, dir); err != nil {
		t.Fatal(err)
	}
	made, want := pages(t, dir), pages(t, manDir)
	if len(made) != len(want) {
		t.Errorf("%d pages are made, docs/man has %d; run: make man", len(made), len(want))
	}
	for name, text := range made {
		if !bytes.Equal(text, want[name]) {
			t.Errorf("docs/man/%s is not what the help says; run: make man", name)
		}
	}
	if !bytes.Contains(made["ohce-serve.1"], []byte("buffer\\-size")) &&
		!bytes.Contains(made["ohce-serve.1"], []byte("buffer-size")) {
		t.Error("ohce-serve.1 does not speak of --buffer-size")
	}
}

func pages(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = text
	}
	return all
}
