package flip

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// The functions below process eight bytes at a time as one word. A byte is ASCII if its high bit is
// clear.
const (
	wordSize  = 8
	blockSize = 4 * wordSize

	eachByte = 0x0101010101010101
	highBits = 0x80 * eachByte
	caseBits = 0x20 * eachByte
)

// swapWord swaps the case of the letters in those bytes of x for which mask has the high bit set.
// All bytes of x must be ASCII.
func swapWord(x, mask uint64) uint64 {
	lower := x | caseBits
	fromA := lower + (0x80-'a')*eachByte
	afterZ := lower + (0x80-'z'-1)*eachByte
	return x ^ (fromA^afterZ)&mask>>2
}

// swapByte is like swapWord for a single byte.
func swapByte(c byte, mask uint64) byte {
	if lower := c | 0x20; lower-'a' <= 'z'-'a' {
		c ^= byte(mask) >> 2
	}
	return c
}

// asciiBefore returns the number of ASCII bytes at the end of the little-endian word x.
func asciiBefore(x uint64) int { return bits.LeadingZeros64(x&highBits) / 8 }

// asciiAfter returns the number of ASCII bytes at the start of the little-endian word x.
func asciiAfter(x uint64) int { return bits.TrailingZeros64(x&highBits) / 8 }

// reverseASCII writes the ASCII bytes at the end of src to dst in reverse order, with their case
// swapped as by swapWord, and returns the number of bytes written. dst must be at least as long as
// src. Its bytes beyond the result may be overwritten.
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
		// swapWord would carry from a byte that is not ASCII into the next one.
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

// swapASCII writes the ASCII bytes at the start of src to dst with their case swapped, and returns
// the number of bytes written. dst must be at least as long as src. Its bytes beyond the result may
// be overwritten.
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
