package cli

import (
	"fmt"
	"strings"
	"testing"
)

// Each test is a series of requests with the transform that the server applies to each.
func TestDetector(t *testing.T) {
	for _, tt := range []struct {
		name, responses string
		want            string // the decision after the last response
		contradicted    int
	}{
		{"one response decides", "flip:Hello", "flip", 0},
		{"reverse", "reverse:Hello", "reverse", 0},
		{"swapcase", "swapcase:Hello", "swapcase", 0},
		{"echo", "echo:Hello", "echo", 0},
		{"no response yet", "", "", 0},
		{"an empty line does not decide", "flip:", "", 0},
		{"a palindrome does not decide", "flip:a flip:otto", "", 0},
		{"digits do not decide", "flip:12 flip:345", "", 0},
		{"two ambiguous lines decide together", "flip:a flip:12", "flip", 0},
		{"another protocol", "<>:one <>:two <>:", "", 0},
		{"another protocol, then flip", "<>:one flip:two", "flip", 0},
		{"two transforms in turn before a decision", "reverse:12 swapcase:12 reverse:12", "", 0},
		{"the transform changes", "flip:one reverse:two", "", 1},
		{"the transform changes and stays", "flip:one" + strings.Repeat(" reverse:two", 8), "reverse", 1},
		{"the transform changes, too few responses", "flip:one" + strings.Repeat(" reverse:two", 7), "", 1},
		{"the transform changes unnoticed", "flip:one swapcase:a echo:", "flip", 0},
		{"two transforms in turn", "flip:one" + strings.Repeat(" echo:one flip:one", 30), "", 1},
		{"upper case looks like swapcase", "swapcase:one swapcase:two <>:Three <>:Four", "", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDetector(false)
			contradicted := 0
			for response := range strings.FieldsSeq(tt.responses) {
				transform, request, _ := strings.Cut(response, ":")
				if !d.observe([]byte(request), []byte(respondWith(t, transform, request))) {
					contradicted++
				}
			}
			got := ""
			if f, ok := d.expected(); ok {
				got = f.String()
			}
			if got != tt.want || contradicted != tt.contradicted {
				t.Errorf("decided on %q after %d contradictions, want %q after %d", got, contradicted,
					tt.want, tt.contradicted)
			}
		})
	}
}

// With graphemes set, only transforms that keep grapheme clusters whole fit.
func TestDetectorGraphemes(t *testing.T) {
	const flag = "a🇩🇪"
	for _, graphemes := range []bool{false, true} {
		for _, server := range []string{"flip", "flip+g"} {
			d := newDetector(graphemes)
			d.observe([]byte(flag), []byte(respondWith(t, server, flag)))
			_, ok := d.expected()
			if want := graphemes == (server == "flip+g"); ok != want {
				t.Errorf("graphemes %v, server %s: decided %v, want %v", graphemes, server, ok, want)
			}
		}
	}
}

func TestDetectorDoubt(t *testing.T) {
	d := newDetector(false)
	observe := func(transform, request string) {
		t.Helper()
		if !d.observe([]byte(request), []byte(respondWith(t, transform, request))) {
			t.Errorf("%s of %q contradicts flip", transform, request)
		}
	}
	observe("flip", "one")
	d.doubt()
	observe("flip", "")
	observe("flip", "a") // swapcase gives the same
	if f, ok := d.expected(); ok {
		t.Errorf("%v is expected before an answer confirms it", f)
	}
	observe("flip", "two")
	if f, ok := d.expected(); !ok || f.String() != "flip" {
		t.Errorf("%v, %v is expected, want flip", f, ok)
	}
}

// Each wrong decision makes the next one harder, so their number is a logarithm of that of the
// lines.
func TestDetectorContradictionsAreRare(t *testing.T) {
	t.Parallel()
	d := newDetector(false)
	contradicted := 0
	const lines = 100_000
	for n := range lines {
		request := fmt.Sprint("Line ", n)
		transform := "flip"
		if _, ok := d.expected(); ok { // the worst server
			transform = "<>"
		}
		if !d.observe([]byte(request), []byte(respondWith(t, transform, request))) {
			contradicted++
		}
	}
	if contradicted < 2 || contradicted > 6 {
		t.Errorf("%d contradictions in %d lines, want a few", contradicted, lines)
	}
}

// The number of lines in flight without an expectation grows with the answers.
func TestDetectorMaxUndecided(t *testing.T) {
	d := newDetector(false)
	if got := d.maxUndecided(); got != firstUndecided {
		t.Errorf("%d at first, want %d", got, firstUndecided)
	}
	for range 200 {
		d.observe([]byte("one"), []byte("<one>"))
		d.skip()
	}
	if got := d.maxUndecided(); got < 512 {
		t.Errorf("%d after 400 lines, want at least 512", got)
	}
}
