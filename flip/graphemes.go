package flip

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// GraphemesUnicodeVersion is the version of Unicode that decides what a grapheme cluster is.
const GraphemesUnicodeVersion = "17.0.0"

// appendClusters appends the grapheme clusters of src in reverse, and swaps their case where swap
// says so. It goes from one stretch of valid UTF-8 to the one before it. Each is worked on alone,
// so that stray bytes which come to stand side by side are never taken for a character.
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

// appendReversedClusters appends the clusters of src, which is valid, in reverse.
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

// appendFlippedClusters is appendReversedClusters with the case swapped afterwards. The result is
// first written behind the whole reversed text, as a sigma's form depends on both its sides.
func appendFlippedClusters(dst, src []byte) []byte {
	start := len(dst)
	dst = appendReversedClusters(dst, src)
	reversed := dst[start:]
	end := len(dst)
	dst = appendSwapped(dst, reversed)
	n := copy(dst[start:], dst[end:])
	return dst[:start+n]
}

// validFrom returns where the stretch of valid UTF-8 that ends text begins.
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
