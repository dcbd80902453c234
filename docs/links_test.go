package docs_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// TestLinks checks that each relative link leads to a file or folder of the repository and, if it has
// a fragment, to a heading of that file.
func TestLinks(t *testing.T) {
	checked := 0
	for _, page := range pages(t) {
		for _, l := range links(readPage(t, page)) {
			if strings.Contains(l.target, "://") || strings.HasPrefix(l.target, "mailto:") {
				continue
			}
			checked++
			if problem := checkLink(page, l.target); problem != "" {
				t.Errorf("%s:%d: link to %s: %s", page, l.line, l.target, problem)
			}
		}
	}
	if checked < 50 {
		t.Errorf("checked %d links, want at least 50", checked)
	}
}

// checkLink returns what is wrong with a relative link of a page, or "".
func checkLink(page, target string) string {
	file, fragment, hasFragment := strings.Cut(target, "#")
	to := page
	if file != "" {
		to = path.Join(path.Dir(page), file)
	}
	if strings.HasPrefix(to, "..") {
		return "leads out of the repository"
	}
	info, err := os.Stat(filepath.Join("..", filepath.FromSlash(to)))
	switch {
	case err != nil:
		return "no such file"
	case !hasFragment:
		return ""
	case info.IsDir():
		return "a folder has no headings"
	}
	text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(to)))
	if err != nil {
		return err.Error()
	}
	if !slices.Contains(anchors(string(text)), fragment) {
		return "no such heading"
	}
	return ""
}

func TestCheckLink(t *testing.T) {
	const page = "docs/decisions/guard.md"
	for _, c := range []struct{ target, want string }{
		{"loops.md", ""},
		{"../design.md#the-map", ""},
		{"../../guard", ""},
		{"nosuch.md", "no such file"},
		{"../design.md#nosuch", "no such heading"},
		{"../../guard#loops", "a folder has no headings"},
		{"../../../x", "leads out of the repository"},
	} {
		if got := checkLink(page, c.target); got != c.want {
			t.Errorf("%s: %q, want %q", c.target, got, c.want)
		}
	}
}

func TestAnchors(t *testing.T) {
	got := anchors("# A `b`, c\n```\n# not this\n```\n## Twice\n## Twice\n### [Go](x.md): 1–2 é_f\n")
	want := []string{"a-b-c", "twice", "twice-1", "go-12-é_f"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// pages returns the files whose links are checked, relative to the root of the repository.
func pages(t *testing.T) []string {
	t.Helper()
	pages := []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"}
	err := fs.WalkDir(os.DirFS(".."), "docs", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && path.Ext(name) == ".md" {
			pages = append(pages, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// readPage returns the text of a page.
func readPage(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A mdLink is the target of a link or picture, with its line number.
type mdLink struct {
	line   int
	target string
}

var (
	mdLinkPattern = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	mdCodePattern = regexp.MustCompile("`[^`]*`")
)

// links returns the links of a Markdown text outside of code.
func links(text string) []mdLink {
	var all []mdLink
	for line, s := range prose(text) {
		for _, m := range mdLinkPattern.FindAllStringSubmatch(mdCodePattern.ReplaceAllString(s, ""), -1) {
			all = append(all, mdLink{line, m[1]})
		}
	}
	return all
}

// prose yields the lines of a Markdown text outside of fenced code, with their numbers from 1.
func prose(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		fenced := false
		for i, line := range strings.Split(text, "\n") {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			} else if !fenced && !yield(i+1, line) {
				return
			}
		}
	}
}

// anchors returns the fragments that GitHub gives the headings of a Markdown text.
func anchors(text string) []string {
	var all []string
	count := make(map[string]int)
	for _, line := range prose(text) {
		heading := strings.TrimLeft(line, "#")
		if level := len(line) - len(heading); level < 1 || level > 6 || !strings.HasPrefix(heading, " ") {
			continue
		}
		heading = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(heading, "$1")
		slug := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, strings.TrimSpace(heading))
		if n := count[slug]; n > 0 {
			all = append(all, slug+"-"+strconv.Itoa(n))
		} else {
			all = append(all, slug)
		}
		count[slug]++
	}
	return all
}
