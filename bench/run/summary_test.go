package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	flood := load{name: "flood", limit: "C"}
	lone := load{name: "trip", limit: "C", trip: true}
	var s summary
	if got := s.table(); got != "" {
		t.Errorf("an empty summary is %q", got)
	}
	s.add(flood, []result{
		{name: "C", samples: []sample{{rate: 100}, {rate: 200}}},
		{name: "ohce", samples: []sample{{rate: 90}, {rate: 160}}},
		{name: "flood only", samples: []sample{{rate: 1}, {rate: 1}}},
	})
	s.add(lone, []result{
		{name: "ohce", samples: []sample{{trip: 20}, {trip: 30}}},
		{name: "C", samples: []sample{{trip: 21}, {trip: 22}}},
		{name: "trip only", samples: []sample{{trip: 1}, {trip: 1}}},
	})
	const want = `| server | open loop | round trip, µs |
|---|---:|---:|
| C | 1.00 | 21.5 |
| ohce | 0.85 | 25.0 |
`
	if got := s.table(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// A report begins with its summary and the first picture. Everything else follows.
func TestReportShape(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("remarks.md", []byte("Servers take turns.\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := newReport(filepath.Join("out", "speed.md"))
	r.lead, r.top = "Higher is better.", "flood-64"
	draw := func(file string) error { return os.WriteFile(file, nil, 0o644) }
	for _, picture := range []string{"flood-64", "trip-64"} {
		if err := r.add("under "+picture, "| table |\n", picture, draw); err != nil {
			t.Fatal(err)
		}
	}
	r.summary.add(load{name: "flood", limit: "C"}, []result{{name: "C", samples: []sample{{rate: 1}}}})
	if err := r.write(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	rest := string(text)
	for _, part := range []string{
		"# Performance\n\nHigher is better.\n\n| server | open loop |\n|---|---:|\n| C | 1.00 |\n\n",
		"(speed/flood-64.svg)\n\n## Measurement\n\n", "go run ./run", "Servers take turns.\n\n",
		"## All figures\n\n### under flood-64\n\n| table |\n\n",
		"### under trip-64\n\n![under trip-64](speed/trip-64.svg)\n\n| table |\n",
	} {
		_, after, found := strings.Cut(rest, part)
		if !found {
			t.Fatalf("the report lacks %q, or has it elsewhere:\n%s", part, text)
		}
		rest = after
	}
	if strings.TrimSpace(rest) != "" {
		t.Errorf("the report ends with %q", rest)
	}
}
