package docs_test

import (
	"bytes"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each Go snippet of the tutorial is part of an Example with a checked output, or of a program in
// examples/tutorial. Each Python snippet is part of a program there.
func TestSnippetsAreRun(t *testing.T) {
	text, err := os.ReadFile("tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	goBlocks := blocks(string(text), "go")
	if len(goBlocks) < 10 {
		t.Errorf("tutorial.md has %d Go snippets, want at least 10", len(goBlocks))
	}
	bodies := exampleBodies(t, "tutorial_test.go")
	programs := readAll(t, "../examples/tutorial/*/main.go")
	shown := make(map[string]bool)
	for _, b := range goBlocks {
		found := contain(programs, b.text)
		for name, body := range bodies {
			if contain([]string{body}, b.text) {
				found, shown[name] = true, true
			}
		}
		if !found {
			t.Errorf("tutorial.md:%d: no Example and no program contains this snippet:\n%s", b.line, b.text)
		}
	}
	scripts := readAll(t, "../examples/tutorial/python/*.py")
	for _, b := range blocks(string(text), "python") {
		if !contain(scripts, b.text) {
			t.Errorf("tutorial.md:%d: no Python program contains this snippet:\n%s", b.line, b.text)
		}
	}
	for _, name := range regexp.MustCompile(`Example_\w+`).FindAllString(string(text), -1) {
		if _, ok := bodies[name]; !ok {
			t.Errorf("tutorial.md names %s, which does not exist", name)
		}
	}
	for name := range bodies {
		if !shown[name] {
			t.Errorf("tutorial.md shows no part of %s", name)
		}
	}
}

// The tutorial shows both Go programs completely.
func TestProgramsAreShown(t *testing.T) {
	text, err := os.ReadFile("tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"client", "server", "library"} {
		source, err := os.ReadFile(filepath.Join("..", "examples", "tutorial", name, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		program := source[bytes.Index(source, []byte("package main")):]
		if !bytes.Contains(text, append([]byte("```go\n"), program...)) {
			t.Errorf("tutorial.md does not show the program %s as it is", name)
		}
	}
}

// A block is a snippet, with the number of its first line.
type block struct {
	line int
	text string
}

// blocks returns the fenced code blocks of a language.
func blocks(markdown, language string) []block {
	var all []block
	inside := false
	for i, line := range strings.Split(markdown, "\n") {
		switch {
		case !inside && line == "```"+language:
			inside = true
			all = append(all, block{line: i + 2})
		case inside && line == "```":
			inside = false
		case inside:
			all[len(all)-1].text += line + "\n"
		}
	}
	return all
}

// contain reports whether one of the texts contains a snippet as whole lines.
func contain(texts []string, snippet string) bool {
	for _, text := range texts {
		if snippet != "" && strings.Contains("\n"+text, "\n"+snippet) {
			return true
		}
	}
	return false
}

// readAll returns the contents of the files that match a pattern.
func readAll(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(names), err)
	}
	var texts []string
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

// exampleBodies returns the body of each Example, without the first tab of each line. It reports an
// Example without an output as an error, because such an Example is compiled but never run.
func exampleBodies(t *testing.T, name string) map[string]string {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range doc.Examples(file) {
		if e.Output == "" {
			t.Errorf("%s: Example%s has no output to check", name, e.Name)
		}
	}
	bodies := make(map[string]string)
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(f.Name.Name, "Example") {
			continue
		}
		body := src[fset.Position(f.Body.Lbrace).Offset+1 : fset.Position(f.Body.Rbrace).Offset]
		bodies[f.Name.Name] = strings.ReplaceAll(string(body), "\n\t", "\n")
	}
	return bodies
}
