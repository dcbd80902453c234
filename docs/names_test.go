package docs_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var (
	goFilePattern = regexp.MustCompile(`(?:[A-Za-z0-9_.-]+/)*[a-z0-9_]+\.go\b`)
	makePattern   = regexp.MustCompile("`make ([a-z]+)")
	testPattern   = regexp.MustCompile(`\b(?:Test|Example|Benchmark)[A-Z_][A-Za-z0-9_]*`)
)

// TestNames checks that the Go files, make targets and tests named in the documents exist.
func TestNames(t *testing.T) {
	files, tests := repository(t)
	makefile := readPage(t, "Makefile")
	for _, page := range pages(t) {
		if page == "CHANGELOG.md" {
			continue // it names what existed at the time
		}
		for line, s := range prose(readPage(t, page)) {
			for _, name := range goFilePattern.FindAllString(s, -1) {
				if !files[strings.TrimPrefix(path.Join("/", path.Dir(page), name), "/")] && !files[name] {
					t.Errorf("%s:%d: no file %s", page, line, name)
				}
			}
			for _, m := range makePattern.FindAllStringSubmatch(s, -1) {
				if !strings.Contains(makefile, "\n"+m[1]+":") {
					t.Errorf("%s:%d: no make target %s", page, line, m[1])
				}
			}
			for _, name := range testPattern.FindAllString(s, -1) {
				if !strings.Contains(tests, "func "+name) {
					t.Errorf("%s:%d: no test %s", page, line, name)
				}
			}
		}
	}
}

// repository returns the Go files, each by its path and by its base name, and the text of all tests.
func repository(t *testing.T) (files map[string]bool, tests string) {
	t.Helper()
	files = make(map[string]bool)
	var b strings.Builder
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".go" {
			return err
		}
		files[name], files[path.Base(name)] = true, true
		if strings.HasSuffix(name, "_test.go") {
			text, err := fs.ReadFile(root, name)
			b.Write(text)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files, b.String()
}

// TestDesignListsFiles checks that design.md lists each file of the root package.
func TestDesignListsFiles(t *testing.T) {
	_, section, _ := strings.Cut(readPage(t, "docs/design.md"), "## The files of the root package\n")
	section, _, _ = strings.Cut(section, "\n## ")
	files, err := fs.Glob(os.DirFS(".."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if !strings.HasSuffix(name, "_test.go") && !strings.Contains(section, "`"+name+"`") {
			t.Errorf("design.md does not list %s", name)
		}
	}
}
