// Package flip reverses text and swaps the case of its letters: "Hello" becomes "OLLEh". This is
// the default transform of ohce serve.
//
//	response := flip.Append(nil, []byte("Hello"))
//
// [Append] reverses and swaps case. A [Transform] does either, both or neither. Its option
// Graphemes keeps together several code points that a reader sees as one character.
//
// # Result
//
// The package treats text as a sequence of Unicode code points. For any input, the result equals
// that of this expression in CPython 3.11:
//
//	data.decode("utf-8", "surrogateescape")[::-1].swapcase().encode("utf-8", "surrogateescape")
//
// Case is swapped by the full case mappings of Unicode:
//
//   - One code point can become up to three: ß becomes SS.
//   - Title-case letters, such as ǅ, do not change.
//   - A capital sigma becomes a final sigma (ς) at the end of a word, and σ elsewhere. Case is
//     swapped last, so this is the end of a word of the reversed text.
//
// Each byte that is not part of valid UTF-8 is treated as a character that has no case. An encoded
// surrogate is three such bytes.
//
// # Concurrency and buffers
//
// All functions and methods are safe for concurrent use. Like the built-in append, they keep the
// contents of dst, and allocate a new array if the capacity of dst is too small. They may overwrite
// the capacity of dst beyond the result. They do not modify or retain src. The bytes of dst, up to
// its capacity, must not overlap src.
//
// # Limitations
//
// The case data is that of Unicode 14.0.0 (see [UnicodeVersion]), the version of CPython 3.11.
// Newer releases of CPython give other results for letters that were added later. Grapheme clusters
// follow Unicode 17.0.0 (see [GraphemesUnicodeVersion]). Neither depends on the release of Go.
//
// Outside ASCII, swapping case twice may not restore the text: ß becomes SS, and SS becomes ss.
// Outside valid UTF-8, reversing twice may not restore it either, because the reversed bytes can
// form new characters.
//
// The package applies no language-specific rules, such as those for the Turkish dotless i, and does
// not normalize text.
package flip

import (
	"fmt"
	"strings"
)

// MaxGrowth is the maximum ratio of the length of a result to the length of its input, in bytes.
// The two bytes of U+0390 reach it: they become three code points of two bytes each.
const MaxGrowth = 3

// A Transform is a transformation of text. The zero value leaves text unchanged.
type Transform struct {
	// Reverse reverses the order of the code points.
	Reverse bool

	// SwapCase converts upper case to lower case and lower case to upper case, after Reverse.
	SwapCase bool

	// Graphemes makes Reverse reverse the order of extended grapheme clusters instead. It keeps
	// together a letter and its accents, the two halves of a flag, and an emoji of several code
	// points. A byte that is not part of valid UTF-8 is a cluster of its own. Without Reverse,
	// Graphemes has no effect.
	Graphemes bool
}

var namedTransforms = []struct {
	name      string
	transform Transform
}{
	{"flip", Transform{Reverse: true, SwapCase: true}},
	{"reverse", Transform{Reverse: true}},
	{"swapcase", Transform{SwapCase: true}},
	{"echo", Transform{}},
}

// Append reverses src, swaps its case, appends the result to dst and returns the extended buffer.
// It does not allocate if the spare capacity of dst is at least MaxGrowth times the length of src.
// For ASCII text, the length of src is enough.
func Append(dst, src []byte) []byte {
	return appendReversed(dst, src, true)
}

// Append applies t to src, appends the result to dst and returns the extended buffer. To avoid an
// allocation, dst needs the same spare capacity as for the function Append. If Reverse, SwapCase
// and Graphemes are all set, it needs the length of src in addition.
func (t Transform) Append(dst, src []byte) []byte {
	switch {
	case t.Reverse && t.Graphemes:
		return appendClusters(dst, src, t.SwapCase)
	case t.Reverse:
		return appendReversed(dst, src, t.SwapCase)
	case t.SwapCase:
		return appendSwapped(dst, src)
	}
	return append(dst, src...)
}

// String returns the name that Parse accepts for t. If t.Graphemes is set, it appends
// " by graphemes", which Parse does not accept.
func (t Transform) String() string {
	plain := t
	plain.Graphemes = false
	name := ""
	for _, n := range namedTransforms {
		if n.transform == plain {
			name = n.name
		}
	}
	if t.Graphemes {
		name += " by graphemes"
	}
	return name
}

// Parse returns the transform with the given name, which must be one of Names. Its field Graphemes
// is false.
func Parse(name string) (Transform, error) {
	for _, n := range namedTransforms {
		if n.name == name {
			return n.transform, nil
		}
	}
	return Transform{}, fmt.Errorf("flip: unknown transform %q (known: %s)",
		name, strings.Join(Names(), ", "))
}

// Names returns the names that Parse accepts: flip, reverse, swapcase and echo. The caller may
// modify the slice.
func Names() []string {
	names := make([]string, len(namedTransforms))
	for i, n := range namedTransforms {
		names[i] = n.name
	}
	return names
}
