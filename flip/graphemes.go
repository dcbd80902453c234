package flip

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// GraphemesUnicodeVersion is the version of Unicode whose grapheme cluster rules this package uses.
const GraphemesUnicodeVersion = "17.0.0"

// appendClusters appends the grapheme clusters of src in reverse order, with their case swapped if
// swap is true. It processes each maximal run of valid UTF-8 alone, from the last to the first, so
// that invalid bytes that become neighbours are not decoded as a character.
func appendClusters(dst, src []byte, swap bool) []byte {
	dst = slices.Grow(dst, len(src))
	for i := len(src); i > 0; {
		start := validFrom(src[:i])
		if start == i {
			i--
			dst = append(dst, src[i])
			continue
		}
		if swap {
			dst = appendFlippedClusters(dst, src[start:i])
		} else {
			dst = appendReversedClusters(dst, src[start:i])
		}
		i = start
	}
	return dst
}

// appendReversedClusters appends the clusters of src in reverse order. src must be valid UTF-8.
func appendReversedClusters(dst, src []byte) []byte {
	w := len(dst) + len(src)
	dst = withRoom(dst, len(src))[:w]
	clusters := graphemes.FromBytes(src)
	for clusters.Next() {
		cluster := clusters.Value()
		w -= len(cluster)
		copy(dst[w:], cluster)
	}
	return dst
}

// appendFlippedClusters is like appendReversedClusters, but swaps the case of the result. It needs
// the whole reversed text before it swaps case, because the form of a sigma depends on the text
// before and after it.
func appendFlippedClusters(dst, src []byte) []byte {
	start := len(dst)
	dst = appendReversedClusters(dst, src)
	reversed := dst[start:]
	end := len(dst)
	dst = appendSwapped(dst, reversed)
	n := copy(dst[start:], dst[end:])
	return dst[:start+n]
}

// validFrom returns the start of the longest suffix of text that is valid UTF-8.
func validFrom(text []byte) int {
	i := len(text)
	for i > 0 {
		if i >= wordSize {
			if n := asciiBefore(binary.LittleEndian.Uint64(text[i-wordSize:])); n > 0 {
				i -= n
				continue
			}
		}
		r, n := decodeLast(text[:i])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i -= n
	}
	return i
}
