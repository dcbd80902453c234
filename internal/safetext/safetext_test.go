package safetext_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ohce/ohce/internal/safetext"
)

func TestEscape(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"ASCII", `Hello, "World" \ it's`, `Hello, "World" \ it's`},
		{"letters and marks", "añb e\u0301 日本語 ΐ", "añb e\u0301 日本語 ΐ"},
		{"spaces", "a\u00a0b\u3000c", "a\u00a0b\u3000c"},
		{"emoji of several characters", "👩\u200d🚀 ❤\ufe0f", "👩\u200d🚀 ❤\ufe0f"},
		{"replacement character", "\ufffd", "\ufffd"},
		{"lines and tabs", "a\nb\r\tc", `a\nb\r\tc`},
		{"colour", "\x1b[31mred", `\x1b[31mred`},
		{"clipboard by OSC 52", "\x1b]52;c;aGk=\a", `\x1b]52;c;aGk=\a`},
		{"DEL", "\x7f", `\x7f`},
		{"C1 as UTF-8", "\u009b31m", `\u009b31m`},
		{"C1 as a byte", "\x9b31m", `\x9b31m`},
		{"override", "a\u202eb", `a\u202eb`},
		{"isolates and marks", "\u2066\u2069\u200e\u061c", `\u2066\u2069\u200e\u061c`},
		{"line separator", "\u2028", `\u2028`},
		{"invisible", "\u200b\ufeff\u00ad", `\u200b\ufeff\u00ad`},
		{"tags", "\U000e0041", `\U000e0041`},
		{"invalid byte", "a\xffb", `a\xffb`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"cut character", "\xe6\x97", `\xe6\x97`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := safetext.Escape(tt.in); got != tt.want {
				t.Errorf("Escape: %q, want %q", got, tt.want)
			}
			if got := safetext.Append([]byte("> "), []byte(tt.in)); string(got) != "> "+tt.want {
				t.Errorf("Append: %q, want %q", got, "> "+tt.want)
			}
		})
	}
}

// Text without anything to escape needs no memory.
func TestEscapeAllocations(t *testing.T) {
	text := strings.Repeat("añb 日本語 ", 20)
	buf := make([]byte, 0, len(text))
	data := []byte(text)
	if n := testing.AllocsPerRun(100, func() {
		safetext.Escape(text)
		safetext.Append(buf, data)
		safetext.JSON(data)
	}); n > 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"Hello", "\x1b[31m\u009b\x9b", "\u202e\u2066", "\xff\xed\xa0\x80", "👩\u200d🚀"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := safetext.Escape(s)
		checkSafe(t, got)
		if again := safetext.Escape(got); again != got {
			t.Errorf("escaped twice: %q, want %q", again, got)
		}
		if other := safetext.Append(nil, []byte(s)); string(other) != got {
			t.Errorf("Append: %q, Escape: %q", other, got)
		}
		if strings.IndexFunc(s, hostile) < 0 && utf8.ValidString(s) && got != s {
			t.Errorf("%q, want %q: there is nothing to escape", got, s)
		}
	})
}

// checkSafe checks that s is UTF-8 without control, format and separator characters.
func checkSafe(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%q is not UTF-8", s)
	}
	if i := strings.IndexFunc(s, hostile); i >= 0 {
		t.Errorf("%q is not safe, at byte %d", s, i)
	}
}

// hostile reports whether r must not reach a terminal. It does not use the tables of strconv.
func hostile(r rune) bool {
	if r == '\u200c' || r == '\u200d' {
		return false
	}
	return !unicode.IsOneOf(unicode.GraphicRanges, r)
}
