package flip

import (
	"unicode"
	"unicode/utf8"
)

// The lower case of a capital sigma is the final form if a cased character precedes it and none
// follows it, not counting case-ignorable characters (Unicode 14.0, section 3.13, Final_Sigma). A
// search for the cased character stops at the next sigma, which is not case-ignorable, so that the
// time for a whole text is linear.
const (
	smallSigma = 'σ'
	finalSigma = 'ς'
)

// putSigma writes a small sigma to dst and returns its length, which is that of a capital one.
func putSigma(dst []byte, final bool) int {
	if final {
		return utf8.EncodeRune(dst, finalSigma)
	}
	return utf8.EncodeRune(dst, smallSigma)
}

// casedBefore reports whether the last character of text that is not case-ignorable is cased. A
// byte that is not part of valid UTF-8 is neither case-ignorable nor cased.
func casedBefore(text []byte) bool {
	for len(text) > 0 {
		r, n := decodeLast(text)
		if !unicode.Is(ignorable, r) {
			return unicode.Is(cased, r)
		}
		text = text[:len(text)-n]
	}
	return false
}

// casedAfter reports whether the first character of text that is not case-ignorable is cased.
func casedAfter(text []byte) bool {
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if !unicode.Is(ignorable, r) {
			return unicode.Is(cased, r)
		}
		text = text[n:]
	}
	return false
}
