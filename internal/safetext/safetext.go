// Package safetext makes text from an untrusted sender safe to print on a terminal. It escapes
// the characters that move the cursor, start a terminal's commands, reorder the text around them
// or are invisible.
//
// Printable characters do not change, quotes and backslashes included. An escaped character and its
// escape sequence as plain text therefore look alike. To tell them apart, use strconv.Quote.
package safetext

import (
	"strconv"
	"unicode/utf8"
)

// Escape returns s with Go's escape sequence in place of each character that is not printable and
// of each byte that is not UTF-8, as in \n, \x1b, \u202e and \xff. The printable characters are
// letters, marks, numbers, punctuation, symbols and spaces, as defined by [strconv.IsGraphic], and
// the joiners U+200C and U+200D, which belong to words of some languages and to emoji.
func Escape(s string) string {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !printable(r, n) {
			return string(Append([]byte(s[:i]), []byte(s[i:])))
		}
		i += n
	}
	return s
}

// Append appends the escaped form of data to dst. See [Escape].
func Append(dst, data []byte) []byte {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if printable(r, n) {
			dst = append(dst, data[i:i+n]...)
		} else {
			dst = appendEscaped(dst, string(data[i:i+n]))
		}
		i += n
	}
	return dst
}

// printable reports whether a character that is n bytes long does not change.
func printable(r rune, n int) bool {
	switch {
	case r == utf8.RuneError && n == 1:
		return false
	case r == '\u200c', r == '\u200d':
		return true
	default:
		return strconv.IsGraphic(r)
	}
}

// appendEscaped appends the escape sequence of a character that is not printable.
func appendEscaped(dst []byte, char string) []byte {
	start := len(dst)
	dst = strconv.AppendQuoteToGraphic(dst, char)
	end := len(dst) - 1 // without the quotes
	return append(dst[:start], dst[start+1:end]...)
}
