// Package flip turns text around: it reverses the characters and then swaps the case of each, so
// that "Hello" becomes "OLLEh". It is the answer that ohce gives.
//
//	answer := flip.Append(nil, []byte("Hello"))
//
// [Append] does both; a [Transform] does either, both or neither, and can keep together what a
// reader sees as one character.
//
// # What the result is
//
// For every input, valid or not, the bytes are those that CPython 3.11 gives for
//
//	data.decode("utf-8", "surrogateescape")[::-1].swapcase().encode("utf-8", "surrogateescape")
//
// Upper case becomes lower case and lower case becomes upper case by the full mappings of Unicode:
// one character may become up to three (ß becomes SS), title-case letters stay, and a capital
// sigma at the end of a word becomes the final one, where the word is that of the reversed text.
// A byte that is no part of valid UTF-8 counts as a character of its own and keeps its value. A
// surrogate that was encoded as UTF-8 is three such bytes.
//
// # Concurrency and buffers
//
// The functions are pure and safe for concurrent use. They append to dst as the built-in append
// does: a new array is made only where the capacity does not suffice, and what dst held stays.
// The capacity beyond the result may be overwritten. dst and src must not overlap. src is only
// read, and nothing of it is kept.
//
// # Limits
//
// The case data is that of Unicode 14.0.0 (see [UnicodeVersion]), with every release of Go, because
// CPython 3.11 has that version. A newer CPython knows newer letters and differs in them. Clusters
// are those of Unicode 17.0.0 (see [GraphemesUnicodeVersion]). Swapping is no involution outside
// ASCII: ß becomes SS, which becomes ss. Nor is reversing, where bytes are not UTF-8: reversed,
// they can form characters that the input did not have. No language's own rules apply, Turkish
// dotless i included. Nothing is normalized.
package flip

import (
	"fmt"
	"strings"
)

// MaxGrowth bounds the result: it has at most MaxGrowth times the bytes of the input. U+0390
// reaches the bound; its two bytes become three characters of two bytes each.
const MaxGrowth = 3

// A Transform says what is done to a text. The zero value does nothing to it.
type Transform struct {
	// Reverse puts the last character first.
	Reverse bool

	// SwapCase makes upper case of lower case and lower case of upper case, after Reverse.
	SwapCase bool

	// Graphemes makes Reverse keep extended grapheme clusters whole: an emoji made of several
	// characters, a flag, a letter and its accents. It means nothing without Reverse. A byte that
	// is not UTF-8 is a cluster of its own.
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

// Append appends the reversed text of src, its case swapped, to dst. It allocates nothing where
// dst has room for MaxGrowth times the bytes of src, or for those of src if no character in it
// grows, as none of ASCII does.
func Append(dst, src []byte) []byte {
	return appendReversed(dst, src, true)
}

// Append appends what t makes of src to dst. It allocates nothing where dst has room as for
// Append; with Reverse, SwapCase and Graphemes together, room for src once more.
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

// String returns the name by which Parse knows t, followed by " by graphemes" where that is set.
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

// Parse returns the transform of that name, one of Names. Its Graphemes is false; set it where
// clusters matter. The error tells the name and lists those that there are.
func Parse(name string) (Transform, error) {
	for _, n := range namedTransforms {
		if n.name == name {
			return n.transform, nil
		}
	}
	return Transform{}, fmt.Errorf("flip: no transform is named %q, only %s",
		name, strings.Join(Names(), ", "))
}

// Names returns the names that Parse knows: flip, reverse, swapcase and echo. The slice is the
// caller's.
func Names() []string {
	names := make([]string, len(namedTransforms))
	for i, n := range namedTransforms {
		names[i] = n.name
	}
	return names
}
