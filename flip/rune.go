package flip

import "unicode/utf8"

// decodeLast is like utf8.DecodeLastRune, but faster for characters of three bytes, which include
// most scripts of Asia.
func decodeLast(src []byte) (r rune, n int) {
	if i := len(src) - 3; i >= 0 && src[i]&0xF0 == 0xE0 && src[i+1]&src[i+2]&0x80 != 0 {
		s := src[i : i+3]
		r = rune(s[0]&0x0F)<<12 | rune(s[1]&0x3F)<<6 | rune(s[2]&0x3F)
		if (s[1]|s[2])&0x40 == 0 && r >= 0x800 && (r < 0xD800 || r > 0xDFFF) {
			return r, 3
		}
	}
	return utf8.DecodeLastRune(src)
}

// copyRune copies src, which has at most four bytes, to dst. It is faster than the built-in copy
// for so few bytes.
func copyRune(dst, src []byte) int {
	dst = dst[:len(src)]
	//lint:ignore S1001 calling the built-in copy costs more than copying at most four bytes
	for i, c := range src {
		dst[i] = c
	}
	return len(src)
}
