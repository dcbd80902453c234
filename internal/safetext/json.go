package safetext

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON returns a valid JSON document with JSON's escape sequence, \u and four digits, in place of
// each character beyond ASCII that is not printable. The document means the same. Bytes that are
// not UTF-8 become \ufffd, which is how decoders read them. It returns data itself if there is
// nothing to escape.
//
// The ASCII control characters do not change: between the values of a document they are spaces, and
// within a string JSON forbids them. The exception is DEL.
func JSON(data []byte) []byte {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if !plainJSON(r, n) {
			return appendJSON(append(make([]byte, 0, len(data)+len(data)/2), data[:i]...), data[i:])
		}
		i += n
	}
	return data
}

func appendJSON(dst, data []byte) []byte {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		switch {
		case plainJSON(r, n):
			dst = append(dst, data[i:i+n]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			dst = fmt.Appendf(dst, `\u%04x\u%04x`, high, low)
		default:
			dst = fmt.Appendf(dst, `\u%04x`, r)
		}
		i += n
	}
	return dst
}

// plainJSON reports whether a character that is n bytes long does not change in JSON.
func plainJSON(r rune, n int) bool { return r < 0x7f || printable(r, n) }
