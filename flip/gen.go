//go:build ignore

// Command gen writes tables.go, the case data of package flip, from golang.org/x/text/cases and the
// standard library's package unicode. Both must have Unicode 15.0.0. Command gen leaves out the
// characters that Unicode 15.0 added, so that the tables match Unicode 14.0.0 and CPython 3.11.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"os"
	"slices"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

const (
	sourceVersion = "15.0.0"
	tablesVersion = "14.0.0"
	pageSize      = 128
	sigma         = 'Σ'
)

// added holds the cased and case-ignorable characters that Unicode 15.0 added (DerivedAge.txt).
var added = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x0ECE, Hi: 0x0ECE, Stride: 1}}, // Lao
	R32: []unicode.Range32{
		{Lo: 0x10EFD, Hi: 0x10EFF, Stride: 1}, // Arabic marks
		{Lo: 0x11241, Hi: 0x11241, Stride: 1}, // Khojki
		{Lo: 0x11F00, Hi: 0x11F59, Stride: 1}, // Kawi
		{Lo: 0x13439, Hi: 0x13455, Stride: 1}, // Egyptian hieroglyph format controls
		{Lo: 0x1DF25, Hi: 0x1DF2A, Stride: 1}, // Latin Extended-G
		{Lo: 0x1E030, Hi: 0x1E08F, Stride: 1}, // Cyrillic Extended-D
		{Lo: 0x1E4D0, Hi: 0x1E4F9, Stride: 1}, // Nag Mundari
	},
}

// wordBreak holds the characters whose Word_Break is MidLetter, MidNumLet or Single_Quote. Package
// unicode has no table of them.
var wordBreak = []rune{
	':', '·', '\u0387', '\u055F', '\u05F4', '\u2027', '\uFE13', '\uFE55', '\uFF1A',
	'.', '\u2018', '\u2019', '\u2024', '\uFE52', '\uFF07', '\uFF0E',
	'\'',
}

func isUpper(r rune) bool { return unicode.In(r, unicode.Lu, unicode.Other_Uppercase) }
func isLower(r rune) bool { return unicode.In(r, unicode.Ll, unicode.Other_Lowercase) }

func isCased(r rune) bool {
	return !unicode.Is(added, r) && (isUpper(r) || isLower(r) || unicode.Is(unicode.Lt, r))
}

func isIgnorable(r rune) bool {
	if unicode.Is(added, r) {
		return false
	}
	return slices.Contains(wordBreak, r) ||
		unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}

var (
	lower = cases.Lower(language.Und)
	upper = cases.Upper(language.Und)
)

// swapped returns the case mapping of a code point without context.
func swapped(r rune) string {
	switch {
	case isUpper(r):
		return lower.String(string(r))
	case isLower(r):
		return upper.String(string(r))
	}
	return string(r)
}

// A model is the case data that gen writes.
type model struct {
	classes []byte   // by code point, up to the end of the last page with a class other than 0
	deltas  []rune   // by class; 0 for class 0
	full    []string // by class, from the class after the sigma's
}

func isScalar(r rune) bool { return r < 0xD800 || r > 0xDFFF }

// newModel assigns each code point its class. Class 0 is for code points that do not change. The
// next classes are one for each difference between a code point and its mapping, one for the sigma,
// and one for each code point that becomes several.
func newModel() model {
	m := model{deltas: []rune{0}}
	distance := map[rune]int{}
	fulls := map[rune]string{}
	last := rune(0)
	classOf := map[rune]int{}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !isScalar(r) || swapped(r) == string(r) {
			continue
		}
		last = r
		to := []rune(swapped(r))
		if len(to) > 1 {
			fulls[r] = string(to)
			continue
		}
		d := to[0] - r
		if _, ok := distance[d]; !ok {
			distance[d] = len(m.deltas)
			m.deltas = append(m.deltas, d)
		}
		classOf[r] = distance[d]
	}
	classOf[sigma] = len(m.deltas)
	m.classes = make([]byte, (last/pageSize+1)*pageSize)
	for r := range rune(len(m.classes)) {
		class := classOf[r]
		if to, ok := fulls[r]; ok {
			class = len(m.deltas) + 1 + len(m.full)
			m.full = append(m.full, to)
		}
		if class > 0xFF {
			log.Fatalf("gen: class %d of %U does not fit in a byte", class, r)
		}
		m.classes[r] = byte(class)
	}
	return m
}

// pages divides the classes into pages and removes duplicates. The first page has only class 0.
func (m model) pages() (index []int, pages [][]byte) {
	pages = [][]byte{make([]byte, pageSize)}
	for page := range slices.Chunk(m.classes, pageSize) {
		at := slices.IndexFunc(pages, func(p []byte) bool { return bytes.Equal(p, page) })
		if at < 0 {
			at = len(pages)
			pages = append(pages, page)
		}
		index = append(index, at)
	}
	return index, pages
}

func (m model) write(w *bytes.Buffer) {
	index, pages := m.pages()
	fmt.Fprintf(w, "const (\n")
	fmt.Fprintf(w, "pageBits = 7\npageSize = 1 << pageBits\n")
	fmt.Fprintf(w, "// classSigma is the class of the capital sigma. A code point of a lower class is\n")
	fmt.Fprintf(w, "// mapped by adding deltas[class], one of a higher class is replaced by\n")
	fmt.Fprintf(w, "// expansions[class-classSigma-1].\n")
	fmt.Fprintf(w, "classSigma = %d\n)\n\n", len(m.deltas))
	fmt.Fprintf(w, "// pageIndex holds the index in pages of each block of %d code points. Code points\n"+
		"// beyond it have no case.\n", pageSize)
	fmt.Fprintf(w, "var pageIndex = [%d]uint8{", len(index))
	writeRows(w, len(index), func(i int) string { return fmt.Sprint(index[i]) })
	fmt.Fprintf(w, "}\n\n// pages holds the class of each code point.\n")
	fmt.Fprintf(w, "var pages = [%d][pageSize]uint8{\n", len(pages))
	for _, page := range pages {
		if bytes.Count(page, []byte{0}) == pageSize {
			fmt.Fprintf(w, "{},\n")
			continue
		}
		fmt.Fprintf(w, "{")
		writeRows(w, len(page), func(i int) string { return fmt.Sprint(page[i]) })
		fmt.Fprintf(w, "},\n")
	}
	fmt.Fprintf(w, "}\n\n// deltas holds the differences between code points and their mappings, by class.\n")
	fmt.Fprintf(w, "var deltas = [256]rune{")
	writeRows(w, len(m.deltas), func(i int) string { return fmt.Sprint(m.deltas[i]) })
	fmt.Fprintf(w, "}\n\n// expansions holds the mappings that are several code points.\n")
	fmt.Fprintf(w, "var expansions = [%d]string{", len(m.full))
	writeRows(w, len(m.full), func(i int) string { return fmt.Sprintf("%+q", m.full[i]) })
	fmt.Fprintf(w, "}\n\n")
}

func writeRows(w *bytes.Buffer, n int, cell func(int) string) {
	width := 100
	for i := range n {
		c := cell(i)
		if width+len(c)+2 > 92 {
			fmt.Fprintln(w)
			width = 0
		}
		fmt.Fprintf(w, "%s, ", c)
		width += len(c) + 2
	}
	fmt.Fprintln(w)
}

func writeSet(w *bytes.Buffer, about, name string, has func(rune) bool) {
	var r16, r32 []string
	latin := 0
	for lo := rune(0); lo <= unicode.MaxRune; lo++ {
		if !has(lo) {
			continue
		}
		hi := lo
		for hi < unicode.MaxRune && hi != 0xFFFF && has(hi+1) {
			hi++
		}
		if hi <= unicode.MaxLatin1 {
			latin++
		}
		row := fmt.Sprintf("{Lo: %#04x, Hi: %#04x, Stride: 1},\n", lo, hi)
		if hi <= 0xFFFF {
			r16 = append(r16, row)
		} else {
			r32 = append(r32, row)
		}
		lo = hi
	}
	fmt.Fprintf(w, "// %s\nvar %s = &unicode.RangeTable{\nR16: []unicode.Range16{\n", about, name)
	for _, row := range r16 {
		w.WriteString(row)
	}
	fmt.Fprintf(w, "},\nR32: []unicode.Range32{\n")
	for _, row := range r32 {
		w.WriteString(row)
	}
	fmt.Fprintf(w, "},\nLatinOffset: %d,\n}\n\n", latin)
}

func main() {
	log.SetFlags(0)
	if unicode.Version != sourceVersion || cases.UnicodeVersion != sourceVersion {
		log.Fatalf("gen: package unicode has Unicode %s and package cases has %s, want %s",
			unicode.Version, cases.UnicodeVersion, sourceVersion)
	}
	var w bytes.Buffer
	fmt.Fprintf(&w, "// Code generated by gen.go; DO NOT EDIT.\n\npackage flip\n\n")
	fmt.Fprintf(&w, "import \"unicode\"\n\n")
	fmt.Fprintf(&w, "// UnicodeVersion is the version of Unicode whose case data this package uses.\n")
	fmt.Fprintf(&w, "const UnicodeVersion = %q\n\n", tablesVersion)
	newModel().write(&w)
	writeSet(&w, "cased holds the characters with the Unicode property Cased.", "cased", isCased)
	writeSet(&w, "ignorable holds the characters with the Unicode property Case_Ignorable.",
		"ignorable", isIgnorable)
	out, err := format.Source(w.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("tables.go", out, 0o644); err != nil {
		log.Fatal(err)
	}
}
