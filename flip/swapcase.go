package flip

import (
	"slices"
	"unicode/utf8"
)

// appendSwapped appends src with its case swapped.
func appendSwapped(dst, src []byte) []byte {
	// Invariant: dst[w:] has room for src[i:]. Only a code point that grows needs a check.
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

// classOf returns the case class of r, which selects the mapping of r. Class 0 has none; see
// classSigma for the others.
func classOf(r rune) uint8 {
	page := uint32(r) >> pageBits
	if page >= uint32(len(pageIndex)) {
		return 0
	}
	return pages[pageIndex[page]][uint32(r)%pageSize]
}

// putSwapped writes the case mapping of r to dst[w:] and ensures room for rest more bytes. The
// class of r must be neither 0 nor classSigma. It returns dst, which may have grown, and the index
// after the mapping.
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

// withRoom grows dst to hold n more bytes, and returns it extended to its capacity.
func withRoom(dst []byte, n int) []byte {
	dst = slices.Grow(dst, n)
	return dst[:cap(dst)]
}
