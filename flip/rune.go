package flip

import "unicode/utf8"

// decodeLast is utf8.DecodeLastRune, sooner done with the characters of three bytes, which most
// scripts of Asia are made of.
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

// copyRune copies the at most four bytes of src, for which the built-in copy is slow.
func copyRune(dst, src []byte) int {
	dst = dst[:len(src)]
	//lint:ignore S1001 the call of the built-in copy costs more than these bytes
	for i, c := range src {
		dst[i] = c
	}
	return len(src)
}
