package flip

import "unicode/utf8"

// appendReversed appends the characters of src in reverse order, with their case swapped if swap is
// true. It decodes src from the end, which finds the same characters and invalid bytes.
func appendReversed(dst, src []byte, swap bool) []byte {
	mask := uint64(0)
	if swap {
		mask = highBits
	}
	// Invariant: dst[w:] has room for src[:i]. Only a code point that grows needs a check.
	w, i := len(dst), len(src)
	dst = withRoom(dst, i)
	for i > 0 {
		n := 0
		if src[i-1] < utf8.RuneSelf {
			n = reverseASCII(dst[w:], src[:i], mask)
		} else {
			n = reversePairs(dst[w:], src[:i], swap)
		}
		if n > 0 {
			w, i = w+n, i-n
			continue
		}
		r, n := decodeLast(src[:i])
		i -= n
		class := uint8(0)
		if swap {
			class = classOf(r)
		}
		switch class {
		case 0:
			w += copyRune(dst[w:], src[i:i+n])
		case classSigma:
			w += putSigma(dst[w:], casedAfter(src[i+n:]) && !casedBefore(src[:i]))
		default:
			dst, w = putSwapped(dst, w, r, class, i)
		}
	}
	return dst[:w]
}
