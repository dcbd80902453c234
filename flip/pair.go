package flip

// Greek, Cyrillic, Hebrew, Arabic and the accented Latin letters are characters of two bytes, and
// most of them have their counterpart there. Runs of those are worked on without decoding more
// than the pair of bytes.

// isPair tells whether two bytes are a character. Of two bytes, none is overlong from 0xC2 on.
func isPair(lead, last byte) bool { return lead-0xC2 <= 0xDF-0xC2 && last&0xC0 == 0x80 }

// swapPair swaps the case of a character of two bytes. It is not ok where that needs more than a
// look at the table, or another number of bytes.
func swapPair(lead, last byte) (newLead, newLast byte, ok bool) {
	r := rune(lead&0x1F)<<6 | rune(last&0x3F)
	class := pages[pageIndex[r>>pageBits]][r%pageSize]
	r += deltas[class]
	return 0xC0 | byte(r>>6), 0x80 | byte(r&0x3F), class < classSigma && uint32(r-0x80) < 0x780
}

// reversePairs writes the characters of two bytes that end src to dst in reverse, and returns how
// many bytes that were. With swap it swaps their case, and stops where swapPair is not ok.
func reversePairs(dst, src []byte, swap bool) int {
	w := 0
	dst = dst[:len(src)]
	for i := len(src) - 2; i >= 0; i -= 2 {
		lead, last, ok := src[i], src[i+1], true
		if !isPair(lead, last) {
			break
		}
		if swap {
			lead, last, ok = swapPair(lead, last)
		}
		if !ok {
			break
		}
		dst[w], dst[w+1] = lead, last
		w += 2
	}
	return w
}

// swapPairs is reversePairs from the front, without the reversing.
func swapPairs(dst, src []byte) int {
	i := 0
	dst = dst[:len(src)]
	for ; i+1 < len(src) && isPair(src[i], src[i+1]); i += 2 {
		lead, last, ok := swapPair(src[i], src[i+1])
		if !ok {
			break
		}
		dst[i], dst[i+1] = lead, last
	}
	return i
}
