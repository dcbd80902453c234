package flip

import (
	"slices"
	"unicode/utf8"
)

// appendSwapped appends src with its case swapped.
func appendSwapped(dst, src []byte) []byte {
	// At every turn dst[w:] has room for src[i:], so that only what grows needs a look.
	w, i := len(dst), 0
	dst = withRoom(dst, len(src))
	for i < len(src) {
		n := 0
		if src[i] < utf8.RuneSelf {
			n = swapASCII(dst[w:], src[i:])
		} else {
			n = swapPairs(dst[w:], src[i:])
		}
		if n > 0 {
			w, i = w+n, i+n
			continue
		}
		r, n := utf8.DecodeRune(src[i:])
		i += n
		switch class := classOf(r); class {
		case 0:
			w += copyRune(dst[w:], src[i-n:i])
		case classSigma:
			w += putSigma(dst[w:], casedBefore(src[:i-n]) && !casedAfter(src[i:]))
		default:
			dst, w = putSwapped(dst, w, r, class, len(src)-i)
		}
	}
	return dst[:w]
}

// classOf tells what swapping does to r: 0 is nothing, see tables.go for the others.
func classOf(r rune) uint8 {
	page := uint32(r) >> pageBits
	if page >= uint32(len(pageIndex)) {
		return 0
	}
	return pages[pageIndex[page]][uint32(r)%pageSize]
}

// putSwapped writes what r, of a class that is neither 0 nor classSigma, becomes at dst[w:], and leaves
// room for rest more bytes. It returns dst, grown if it had to be, and the place after the rune.
func putSwapped(dst []byte, w int, r rune, class uint8, rest int) ([]byte, int) {
	if class > classSigma {
		s := expansions[class-classSigma-1]
		dst = withRoom(dst[:w], len(s)+rest)
		return dst, w + copy(dst[w:], s)
	}
	r += deltas[class]
	if n := utf8.RuneLen(r); len(dst)-w < n+rest {
		dst = withRoom(dst[:w], n+rest)
	}
	return dst, w + utf8.EncodeRune(dst[w:], r)
}

// withRoom returns dst up to its capacity, which is made to hold n bytes beyond its length.
func withRoom(dst []byte, n int) []byte {
	dst = slices.Grow(dst, n)
	return dst[:cap(dst)]
}
