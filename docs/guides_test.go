package docs_test

import (
	"expvar"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ohce/ohce"
	"github.com/ohce/ohce/guard"
)

// TestGuideSnippets checks that each Go snippet of a guide is part of a Go file that is compiled and
// tested.
func TestGuideSnippets(t *testing.T) {
	source := compiledSource(t)
	for _, page := range []string{"asking.md", "delivery.md", "measuring.md",
		"security.md", "serving.md", "testing.md"} {
		snippets := goSnippets(readPage(t, path.Join("docs", page)))
		if len(snippets) == 0 {
			t.Errorf("%s has no Go snippets", page)
		}
		for _, s := range snippets {
			if !strings.Contains(source, s) {
				t.Errorf("%s: no compiled Go file contains this snippet:\n%s", page, s)
			}
		}
	}
}

// compiledSource returns the text of the Go files that the guides quote, without indentation.
func compiledSource(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	root := os.DirFS("..")
	for _, pattern := range []string{
		"docs/asking_test.go", "docs/guides_test.go", "example*_test.go", "examples/kv/*.go",
		"measure/example_test.go", "ohcetest/example_test.go", "link/relay/example_test.go",
	} {
		names, err := fs.Glob(root, pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, error %v", pattern, len(names), err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(root, name)
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(withoutIndentation(string(text)))
		}
	}
	return b.String()
}

// goSnippets returns the fenced Go code of a Markdown text, without indentation.
func goSnippets(markdown string) []string {
	var all []string
	for {
		_, rest, found := strings.Cut(markdown, "```go\n")
		if !found {
			return all
		}
		snippet, rest, _ := strings.Cut(rest, "```")
		all = append(all, withoutIndentation(strings.TrimRight(snippet, " \n")))
		markdown = rest
	}
}

// withoutIndentation trims each line and ends it with a newline.
func withoutIndentation(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String()
}

func Example_expvar() {
	srv := &ohce.Server{}
	expvar.Publish("kv", expvar.Func(func() any { return srv.Stats() }))
	fmt.Println(expvar.Get("kv").String()[:27])
	// Output: {"received":0,"answered":0,
}

func Example_deduplicator() {
	srv := &ohce.Server{}
	deposit := ohce.HandlerFunc(func(w *ohce.ResponseWriter, _ *ohce.Request) { w.Write([]byte("ok")) })
	srv.Handler = &ohce.Deduplicator{Handler: deposit}
	var w ohce.ResponseWriter
	srv.Handler.ServeUDP(&w, &ohce.Request{Data: []byte("deposit 10")})
	fmt.Printf("%s\n", w.Bytes())
	// Output: ok
}

func Example_servicePorts() {
	srv := &ohce.Server{}
	set := guard.ServicePorts()
	set.Add(3000, 3001)
	srv.Guard = guard.Loops{RefusePorts: set}
	fmt.Println(set.Contains(53), set.Contains(3001), set.Contains(4000))
	// Output: true true false
}

func Example_limits() {
	srv := &ohce.Server{}
	srv.Guard = guard.Guards{guard.Loops{}, &guard.RateLimit{}, &guard.Amplification{}}
	rule := srv.Guard.NewRule(nil)
	d := &guard.Datagram{Source: netip.MustParseAddrPort("198.51.100.7:40000"), Payload: []byte("Hello")}
	admitted := 0
	for range 10_000 {
		if rule.Admit(time.Unix(0, 0), d) == guard.Admitted {
			admitted++
		}
	}
	fmt.Println(admitted, "of 10000 requests without a pause")
	// Output: 2000 of 10000 requests without a pause
}

// TestCountersPage checks that counters.md explains each field of the statistics.
func TestCountersPage(t *testing.T) {
	page := readPage(t, "docs/counters.md")
	for section, stats := range map[string]any{
		"Server": ohce.ServerStats{}, "Deduplicator": ohce.DeduplicatorStats{}, "Client": ohce.ClientStats{},
	} {
		_, text, found := strings.Cut(page, "## "+section+"\n")
		if !found {
			t.Errorf("counters.md has no section %q", section)
		}
		text, _, _ = strings.Cut(text, "\n## ")
		for field := range reflect.TypeOf(stats).Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !strings.Contains(text, "| `"+name+"` |") {
				t.Errorf("counters.md does not explain %s in section %q", name, section)
			}
		}
	}
	for reason := range new(ohce.Drops).All() {
		name := strings.ReplaceAll(reason.String(), "-", "_")
		if !strings.Contains(page, "| `"+name+"` |") || strings.Count(page, name) < 2 {
			t.Errorf("counters.md does not explain the reason %s, or leaves it out of the sum", name)
		}
	}
}
