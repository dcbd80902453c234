package flip_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/ohce/ohce/flip"
)

// vectors holds the results of CPython for single code points, from testdata/vectors.py.
type vectors struct {
	swap      map[rune][]rune   // case mappings; an absent code point does not change
	cased     []bool            // by code point; false if it is also case-ignorable
	ignorable []bool            // by code point
	finals    map[string][]bool // by context and code point, whether the sigma is final
}

var loadVectors = sync.OnceValue(func() *vectors {
	v := &vectors{swap: map[rune][]rune{}, finals: map[string][]bool{}}
	for _, line := range vectorLines("casemap.txt") {
		from, to, _ := strings.Cut(line, ";")
		for _, field := range strings.Fields(to) {
			v.swap[codePoint(from)] = append(v.swap[codePoint(from)], codePoint(field))
		}
	}
	var members []bool
	for _, line := range vectorLines("sigma.txt") {
		if strings.HasPrefix(line, "[") {
			members = make([]bool, utf8.MaxRune+1)
			v.finals[strings.Trim(line, "[]")] = members
			continue
		}
		lo, hi, ok := strings.Cut(line, "..")
		if !ok {
			hi = lo
		}
		for r := codePoint(lo); r <= codePoint(hi); r++ {
			members[r] = true
		}
	}
	v.cased = v.finals["after-uncased"]
	v.ignorable = make([]bool, utf8.MaxRune+1)
	for r, final := range v.finals["after-cased"] {
		v.ignorable[r] = final && !v.cased[r]
	}
	return v
})

func codePoint(hex string) rune {
	r, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		panic(err)
	}
	return rune(r)
}

func vectorLines(name string) []string {
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		panic(err)
	}
	var lines []string
	scan := bufio.NewScanner(bytes.NewReader(data))
	for scan.Scan() {
		if line := scan.Text(); !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

func transform(t testing.TB, name string) flip.Transform {
	t.Helper()
	tr, err := flip.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// eachCodePoint calls f for every code point except surrogates.
func eachCodePoint(f func(r rune)) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if utf8.ValidRune(r) {
			f(r)
		}
	}
}

func TestVectorsUnicodeVersion(t *testing.T) {
	head := make([]byte, 200)
	f, err := os.Open("testdata/casemap.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Read(head); err != nil {
		t.Fatal(err)
	}
	if want := "Unicode " + flip.UnicodeVersion + "."; !bytes.Contains(head, []byte(want)) {
		t.Errorf("the head of casemap.txt lacks %q:\n%s", want, head)
	}
}

func TestEveryCodePoint(t *testing.T) {
	v := loadVectors()
	if len(v.swap) != 2896 {
		t.Fatalf("casemap.txt has %d code points, want 2896", len(v.swap))
	}
	for _, name := range []string{"flip", "swapcase"} {
		t.Run(name, func(t *testing.T) {
			tr := transform(t, name)
			var got []byte
			eachCodePoint(func(r rune) {
				want := string(r)
				if to, ok := v.swap[r]; ok {
					want = string(to)
				}
				got = tr.Append(got[:0], []byte(string(r)))
				if string(got) != want {
					t.Errorf("%U becomes %+q, want %+q", r, got, want)
				}
			})
		})
	}
}

func TestSigmaBesideEveryCodePoint(t *testing.T) {
	for _, c := range []struct {
		name                      string
		before, after             string // of the code point
		mirrorBefore, mirrorAfter string // of the code point in the reversed text
	}{
		{name: "after-cased", before: "a", after: "Σ", mirrorBefore: "Σ", mirrorAfter: "a"},
		{name: "after-uncased", before: "1", after: "Σ", mirrorBefore: "Σ", mirrorAfter: "1"},
		{name: "before-cased", before: "aΣ", after: "a", mirrorBefore: "a", mirrorAfter: "Σa"},
		{name: "before-end", before: "aΣ", after: "", mirrorBefore: "", mirrorAfter: "Σa"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			finals := loadVectors().finals[c.name]
			var src, got []byte
			eachCodePoint(func(r rune) {
				src = append(utf8.AppendRune(append(src[:0], c.before...), r), c.after...)
				got = flip.Transform{SwapCase: true}.Append(got[:0], src)
				if final := sigmaIsFinal(got, c.after == "Σ"); final != finals[r] {
					t.Errorf("swapcase of %+q has a final sigma: %v, want %v", src, final, !final)
				}
				src = append(utf8.AppendRune(append(src[:0], c.mirrorBefore...), r), c.mirrorAfter...)
				got = flip.Append(got[:0], src)
				if final := sigmaIsFinal(got, c.after == "Σ"); final != finals[r] {
					t.Errorf("flip of %+q has a final sigma: %v, want %v", src, final, !final)
				}
			})
		})
	}
}

// sigmaIsFinal reports whether the sigma of a context is final. It is the last character if last is
// true, and the second one otherwise.
func sigmaIsFinal(got []byte, last bool) bool {
	if last {
		return bytes.HasSuffix(got, []byte("ς"))
	}
	return bytes.HasPrefix(got[1:], []byte("ς"))
}

func TestTexts(t *testing.T) {
	names := []string{"flip", "reverse", "swapcase"}
	lines := vectorLines("texts.txt")
	if len(lines) < 1000 {
		t.Fatalf("texts.txt has %d texts, want at least 1000", len(lines))
	}
	for n, line := range lines {
		var fields [][]byte
		for _, field := range strings.Fields(line) {
			b, err := base64.StdEncoding.DecodeString(strings.Trim(field, "-"))
			if err != nil {
				t.Fatal(err)
			}
			fields = append(fields, b)
		}
		for i, name := range names {
			if got := transform(t, name).Append(nil, fields[0]); !bytes.Equal(got, fields[i+1]) {
				t.Errorf("text %d: %s of %+q\n got %+q\nwant %+q", n, name, fields[0], got, fields[i+1])
			}
		}
	}
}

func TestMaxGrowth(t *testing.T) {
	reached := false
	eachCodePoint(func(r rune) {
		src := []byte(string(r))
		got := len(flip.Append(nil, src))
		if got > flip.MaxGrowth*len(src) {
			t.Errorf("%U grows from %d to %d bytes", r, len(src), got)
		}
		reached = reached || got == flip.MaxGrowth*len(src)
	})
	if !reached {
		t.Errorf("no code point grows to %d times its length, want a tight bound", flip.MaxGrowth)
	}
}
