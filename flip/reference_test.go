package flip_test

import (
	"slices"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// The functions below implement CPython's algorithm on a slice of code points, with the data that
// testdata/vectors.py obtained from CPython. They share with package flip only the segmentation
// into grapheme clusters.

// escape is the base of the code points to which surrogateescape maps invalid bytes.
const escape = 0xDC00

func decode(src []byte) []rune {
	var text []rune
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		if r == utf8.RuneError && n == 1 {
			r = escape + rune(src[0])
		}
		text, src = append(text, r), src[n:]
	}
	return text
}

func encode(text []rune) []byte {
	var out []byte
	for _, r := range text {
		if escape < r && r <= escape+0xFF {
			out = append(out, byte(r-escape))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func reversed(text []rune) []rune {
	text = slices.Clone(text)
	slices.Reverse(text)
	return text
}

func (v *vectors) swapped(text []rune) []rune {
	var out []rune
	for i, r := range text {
		to, ok := v.swap[r]
		switch {
		case r == 'Σ' && v.endsWord(text[:i], text[i+1:]):
			out = append(out, 'ς')
		case ok:
			out = append(out, to...)
		default:
			out = append(out, r)
		}
	}
	return out
}

// endsWord reports whether a sigma between the two texts is final.
func (v *vectors) endsWord(before, after []rune) bool {
	significant := func(r rune) bool { return !v.ignorable[r] }
	first := slices.IndexFunc(reversed(before), significant)
	if first < 0 || !v.cased[reversed(before)[first]] {
		return false
	}
	next := slices.IndexFunc(after, significant)
	return next < 0 || !v.cased[after[next]]
}

// clusters splits src into grapheme clusters. Each byte that is not part of valid UTF-8 is a
// cluster of its own.
func clusters(src []byte) [][]rune {
	var out [][]rune
	begin := 0
	flush := func(end int) {
		for c := graphemes.FromBytes(src[begin:end]); c.Next(); {
			out = append(out, decode(c.Value()))
		}
	}
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && n == 1 {
			flush(i)
			out = append(out, decode(src[i:i+1]))
			begin = i + 1
		}
		i += n
	}
	flush(len(src))
	return out
}

func reversedClusters(src []byte) []rune {
	list := clusters(src)
	slices.Reverse(list)
	return slices.Concat(list...)
}
