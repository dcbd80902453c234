package sequence

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// sampleEnd is how many code points are kept of each end of a long datagram. Bytes that are not
// UTF-8 count as one each.
const sampleEnd = 24

// A Payload is what is kept of a datagram: how long it is, and the text at its ends. The zero value
// is an empty datagram.
type Payload struct {
	size int
	head string
	tail string // "" where head is all of it
}

// Sample makes a Payload of a datagram, of which it keeps nothing else.
func Sample(data []byte) Payload {
	p := Payload{size: len(data)}
	head := front(data, 2*sampleEnd)
	if head == len(data) {
		p.head = string(data)
		return p
	}
	p.head = string(data[:front(data, sampleEnd)])
	p.tail = string(data[back(data, sampleEnd):])
	return p
}

// front is where the first n code points end.
func front[T string | []byte](s T, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(string(s[at:min(len(s), at+utf8.UTFMax)]))
		at += size
	}
	return at
}

// back is where the last n code points begin.
func back[T string | []byte](s T, n int) int {
	at := len(s)
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(string(s[max(0, at-utf8.UTFMax):at]))
		at -= size
	}
	return at
}

// Quote is the text between quotes, with everything escaped that does not print. Where that takes
// more than the given number of columns, a part in the middle is left out; the shortest result is
// `"..."`.
func (p Payload) Quote(columns int) string {
	tail, most := p.tail, sampleEnd
	if tail == "" {
		if q := strconv.Quote(p.head); width(q) <= columns {
			return q
		}
		tail, most = p.head, utf8.RuneCountInString(p.head)/2
	}
	for n := most; n > 0; n-- {
		q := strconv.Quote(p.head[:front(p.head, n)]) + "..." + strconv.Quote(tail[back(tail, n):])
		if width(q) <= columns {
			return q
		}
	}
	return `"..."`
}

// label is the text with its length in bytes.
func (p Payload) label(columns int) string {
	size := fmt.Sprintf(", %d bytes", p.size)
	if p.size == 1 {
		size = ", 1 byte"
	}
	return p.Quote(columns-len(size)) + size
}
