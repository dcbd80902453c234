package flip

import (
	"unicode"
	"unicode/utf8"
)

// The capital sigma has two small forms. It takes the final one at the end of a word: where a
// cased character stands before it and none after it, and case-ignorable ones between do not
// count (Unicode 14.0, section 3.13, Final_Sigma). Only case-ignorable characters are ever looked
// over and a sigma is none, so the time for a whole text stays linear.
const (
	smallSigma = 'σ'
	finalSigma = 'ς'
)

// putSigma writes a small sigma, which is as long as the capital one.
func putSigma(dst []byte, final bool) int {
	if final {
		return utf8.EncodeRune(dst, finalSigma)
	}
	return utf8.EncodeRune(dst, smallSigma)
}

// casedBefore reports whether the last character of text is cased, those that are case-ignorable
// not counted. A byte that is not UTF-8 is neither.
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

// casedAfter reports the same of the first character of text.
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
