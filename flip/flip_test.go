package flip_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"

	"github.com/ohce/ohce/flip"
)

func TestAppend(t *testing.T) {
	for _, tt := range []struct{ name, src, want string }{
		{"empty", "", ""},
		{"hello", "Hello", "OLLEh"},
		{"no-letters", "12 @[`{", "{`[@ 21"},
		{"sharp-s-grows", "Maß", "SSAm"},
		{"dotted-i-grows", "İz", "Zi\u0307"},
		{"iota-grows-threefold", "\u0390", "\u0399\u0308\u0301"},
		{"kelvin-shrinks", "\u212A", "k"},
		{"title-case-stays", "\u01C5", "\u01C5"},
		{"final-sigma-after-reversal", "ΣΑ", "ας"},
		{"no-final-sigma-at-the-end-of-the-input", "ΑΣ", "σα"},
		{"final-sigma-after-a-colon", "Σ:Α", "α:ς"},
		{"sigma-alone", "Σ", "σ"},
		{"small-final-sigma", "ς", "Σ"},
		{"deseret", "𐐀𐐨", "𐐀𐐨"},
		{"invalid-bytes", "a\xff\x80b", "B\x80\xffA"},
		{"invalid-bytes-form-a-character", "\xa9\xc3", "\xc3\xa9"},
		{"invalid-byte-before-z", "12345678\xffz", "Z\xff87654321"},
		{"invalid-byte-before-at", "12345678\xff@", "@\xff87654321"},
		{"overlong", "\xc0\x80", "\x80\xc0"},
		{"encoded-surrogate", "\xed\xa0\x80a", "A\x80\xa0\xed"},
		{"truncated", "a\xe2\x82", "\x82\xe2A"},
		{"combining-accent-moves", "e\u0301X", "x\u0301E"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := flip.Append(nil, []byte(tt.src)); string(got) != tt.want {
				t.Errorf("got %+q, want %+q", got, tt.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	want := map[string]flip.Transform{
		"flip":     {Reverse: true, SwapCase: true},
		"reverse":  {Reverse: true},
		"swapcase": {SwapCase: true},
		"echo":     {},
	}
	if names := flip.Names(); len(names) != len(want) {
		t.Errorf("Names returned %q, want %d names", names, len(want))
	}
	for _, name := range flip.Names() {
		t.Run(name, func(t *testing.T) {
			tr := transform(t, name)
			if tr != want[name] || tr.String() != name {
				t.Errorf("Parse = %+v, its String = %q", tr, tr)
			}
			tr.Graphemes = true
			if got := tr.String(); got != name+" by graphemes" {
				t.Errorf("String with Graphemes = %q", got)
			}
		})
	}
}

func TestParseUnknown(t *testing.T) {
	for _, name := range []string{"", "Flip", "rot13", "flip by graphemes"} {
		t.Run(name, func(t *testing.T) {
			tr, err := flip.Parse(name)
			if err == nil || tr != (flip.Transform{}) {
				t.Fatalf("Parse(%q) = %v, %v, want the zero Transform and an error", name, tr, err)
			}
			for _, part := range append(flip.Names(), `"`+name+`"`) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q lacks %s", err, part)
				}
			}
		})
	}
}

func TestNamesReturnsNewSlice(t *testing.T) {
	flip.Names()[0] = "changed"
	if got := flip.Names()[0]; got != "flip" {
		t.Errorf("after a change by the caller, the first name is %q, want flip", got)
	}
}

// transforms returns every Transform.
func transforms() []flip.Transform {
	var list []flip.Transform
	for i := range 8 {
		list = append(list, flip.Transform{Reverse: i&1 != 0, SwapCase: i&2 != 0, Graphemes: i&4 != 0})
	}
	return list
}

func TestAppendToBuffer(t *testing.T) {
	const prefix = "préfix\xff"
	for _, tr := range transforms() {
		t.Run(tr.String(), func(t *testing.T) {
			for _, s := range samples {
				src := sample(s.text, 100)
				given := slices.Clone(src)
				want := tr.Append(nil, src)
				for spare := range 2 * len(src) {
					dst := append(make([]byte, 0, len(prefix)+spare), prefix...)
					got := tr.Append(dst, src)
					if string(got) != prefix+string(want) {
						t.Fatalf("%s, %d spare bytes:\n got %+q\nwant %+q", s.name, spare, got, want)
					}
				}
				if !bytes.Equal(src, given) {
					t.Fatalf("%s: Append modified src", s.name)
				}
			}
		})
	}
}

func TestAppendKeepsBytesBeyondCapacity(t *testing.T) {
	array := bytes.Repeat([]byte{'#'}, 64)
	for _, tr := range transforms() {
		t.Run(tr.String(), func(t *testing.T) {
			for n := range 40 {
				tr.Append(array[:2:8], sample(samples[6].text, n))
				if rest := array[8:]; len(bytes.Trim(rest, "#")) != 0 {
					t.Fatalf("Append of %d bytes wrote beyond the capacity: %q", n, rest)
				}
			}
		})
	}
}

func TestAppendEmpty(t *testing.T) {
	for _, tr := range transforms() {
		t.Run(tr.String(), func(t *testing.T) {
			if got := tr.Append(nil, nil); len(got) != 0 {
				t.Errorf("got %q, want no bytes", got)
			}
		})
	}
}

func TestAllocations(t *testing.T) {
	for _, tr := range transforms() {
		t.Run(tr.String(), func(t *testing.T) {
			for _, s := range samples {
				src := sample(s.text, 200)
				room := flip.MaxGrowth * len(src)
				if s.name == "ascii" || !tr.SwapCase {
					room = len(src)
				}
				if tr.Graphemes && tr.Reverse && tr.SwapCase {
					room += len(src)
				}
				dst := make([]byte, 0, room)
				allocs := testing.AllocsPerRun(100, func() { dst = tr.Append(dst[:0], src) })
				if allocs != 0 || cap(dst) != room {
					t.Errorf("%s: %v allocations, capacity grew from %d to %d",
						s.name, allocs, room, cap(dst))
				}
			}
		})
	}
}

func TestAllocationsForNil(t *testing.T) {
	src := sample(samples[0].text, 200)
	var got []byte
	allocs := testing.AllocsPerRun(100, func() { got = flip.Append(nil, src) })
	// Under the race detector, slices.Grow makes a second allocation.
	if allocs < 1 || allocs > 2 || len(got) != len(src) {
		t.Errorf("%v allocations for %d bytes, want 1 or 2 for %d", allocs, len(got), len(src))
	}
}

// TestCaseMapMatchesXText checks the case mappings against golang.org/x/text/cases, in addition to
// CPython. Later Unicode versions do not change the mappings of existing letters.
func TestCaseMapMatchesXText(t *testing.T) {
	lower, upper := cases.Lower(language.Und), cases.Upper(language.Und)
	swapcase := flip.Transform{SwapCase: true}
	eachCodePoint(func(r rune) {
		src := string(r)
		got := string(swapcase.Append(nil, []byte(src)))
		if got == src {
			return
		}
		if got != lower.String(src) && got != upper.String(src) {
			t.Errorf("%U becomes %+q, want %+q or %+q", r, got, lower.String(src), upper.String(src))
		}
	})
}
