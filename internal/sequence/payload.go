package sequence

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// endRunes is the number of code points that a Payload holds of each end of a long datagram. A byte
// that is not part of valid UTF-8 counts as one code point.
const endRunes = 24

// A Payload is an excerpt of a datagram: its length and the text at both ends. The zero value is an
// empty datagram.
type Payload struct {
	size int
	head string
	tail string // empty if head is the whole datagram
}

// Sample returns the Payload of a datagram. It does not retain data.
func Sample(data []byte) Payload {
	p := Payload{size: len(data)}
	if firstRunes(data, 2*endRunes) == len(data) {
		p.head = string(data)
		return p
	}
	p.head = string(data[:firstRunes(data, endRunes)])
	p.tail = string(data[lastRunes(data, endRunes):])
	return p
}

// firstRunes returns the length in bytes of the first n code points of s.
func firstRunes[T string | []byte](s T, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(string(s[at:min(len(s), at+utf8.UTFMax)]))
		at += size
	}
	return at
}

// lastRunes returns the index in s at which the last n code points begin.
func lastRunes[T string | []byte](s T, n int) int {
	at := len(s)
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(string(s[max(0, at-utf8.UTFMax):at]))
		at -= size
	}
	return at
}

// Quote returns the text in quotes, in Go syntax. If that takes more than the given number of
// columns, Quote omits a part from the middle. The shortest result is `"..."`.
func (p Payload) Quote(columns int) string {
	tail, limit := p.tail, endRunes
	if tail == "" {
		if q := strconv.Quote(p.head); width(q) <= columns {
			return q
		}
		tail, limit = p.head, utf8.RuneCountInString(p.head)/2
	}
	for n := limit; n > 0; n-- {
		q := strconv.Quote(p.head[:firstRunes(p.head, n)]) + "..." +
			strconv.Quote(tail[lastRunes(tail, n):])
		if width(q) <= columns {
			return q
		}
	}
	return `"..."`
}

// label returns the quoted text with the datagram's length in bytes.
func (p Payload) label(columns int) string {
	size := fmt.Sprintf(", %d bytes", p.size)
	if p.size == 1 {
		size = ", 1 byte"
	}
	return p.Quote(columns-len(size)) + size
}
