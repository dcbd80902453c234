package flip

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// Eight bytes are worked on as one word. A byte is ASCII where its high bit is not set.
const (
	wordSize  = 8
	blockSize = 4 * wordSize

	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
	caseBits = 0x20 * eachByte
)

// swapWord changes the case of the letters in x, which is all ASCII, where mask has the high bit
// of the byte set.
func swapWord(x, mask uint64) uint64 {
	lower := x | caseBits
	fromA := lower + (0x80-'a')*eachByte
	afterZ := lower + (0x80-'z'-1)*eachByte
	return x ^ (fromA^afterZ)&mask>>2
}

// swapByte is swapWord for one byte of ASCII.
func swapByte(c byte, mask uint64) byte {
	if lower := c | 0x20; lower-'a' <= 'z'-'a' {
		c ^= byte(mask) >> 2
	}
	return c
}

// asciiBefore counts the bytes of ASCII that end the word x, whose last byte is the highest one.
func asciiBefore(x uint64) int { return bits.LeadingZeros64(x&highBits) / 8 }

// asciiAfter counts the bytes of ASCII that begin the word x.
func asciiAfter(x uint64) int { return bits.TrailingZeros64(x&highBits) / 8 }

// reverseASCII writes the ASCII that ends src to dst in reverse, its case swapped as by swapWord,
// and returns how many bytes that were. dst must be as long as src at least; what lies there beyond
// the result may be overwritten.
func reverseASCII(dst, src []byte, mask uint64) int {
	le := binary.LittleEndian
	w, i := 0, len(src)
	dst = dst[:len(src)]
	for i >= blockSize {
		s, d := src[i-blockSize:i], dst[w:w+blockSize]
		x0, x1, x2, x3 := le.Uint64(s), le.Uint64(s[8:]), le.Uint64(s[16:]), le.Uint64(s[24:])
		if (x0|x1|x2|x3)&highBits != 0 {
			break
		}
		le.PutUint64(d, bits.ReverseBytes64(swapWord(x3, mask)))
		le.PutUint64(d[8:], bits.ReverseBytes64(swapWord(x2, mask)))
		le.PutUint64(d[16:], bits.ReverseBytes64(swapWord(x1, mask)))
		le.PutUint64(d[24:], bits.ReverseBytes64(swapWord(x0, mask)))
		w, i = w+blockSize, i-blockSize
	}
	for i >= wordSize {
		x := le.Uint64(src[i-wordSize : i])
		// A byte that is not ASCII must not carry into the one after it.
		le.PutUint64(dst[w:w+wordSize], bits.ReverseBytes64(swapWord(x&^highBits, mask)))
		if x&highBits != 0 {
			return w + asciiBefore(x)
		}
		w, i = w+wordSize, i-wordSize
	}
	for i > 0 && src[i-1] < utf8.RuneSelf {
		dst[w] = swapByte(src[i-1], mask)
		w, i = w+1, i-1
	}
	return w
}

// swapASCII is reverseASCII from the front, without the reversing.
func swapASCII(dst, src []byte) int {
	le := binary.LittleEndian
	i := 0
	dst = dst[:len(src)]
	for i+blockSize <= len(src) {
		s, d := src[i:i+blockSize], dst[i:i+blockSize]
		x0, x1, x2, x3 := le.Uint64(s), le.Uint64(s[8:]), le.Uint64(s[16:]), le.Uint64(s[24:])
		if (x0|x1|x2|x3)&highBits != 0 {
			break
		}
		le.PutUint64(d, swapWord(x0, highBits))
		le.PutUint64(d[8:], swapWord(x1, highBits))
		le.PutUint64(d[16:], swapWord(x2, highBits))
		le.PutUint64(d[24:], swapWord(x3, highBits))
		i += blockSize
	}
	for i+wordSize <= len(src) {
		x := le.Uint64(src[i : i+wordSize])
		le.PutUint64(dst[i:i+wordSize], swapWord(x&^highBits, highBits))
		if x&highBits != 0 {
			return i + asciiAfter(x)
		}
		i += wordSize
	}
	for i < len(src) && src[i] < utf8.RuneSelf {
		dst[i] = swapByte(src[i], highBits)
		i++
	}
	return i
}
