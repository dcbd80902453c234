package flip

// Greek, Cyrillic, Hebrew, Arabic and accented Latin letters take two bytes in UTF-8, and most of
// their case mappings do too. The functions below process runs of such letters without a general
// UTF-8 decoder.

// isPair reports whether two bytes encode a character. A lead byte below 0xC2 would be overlong.
func isPair(lead, last byte) bool { return lead-0xC2 <= 0xDF-0xC2 && last&0xC0 == 0x80 }

// swapPair swaps the case of a character of two bytes. ok is false if the result depends on the
// context or does not take two bytes.
func swapPair(lead, last byte) (newLead, newLast byte, ok bool) {
	r := rune(lead&0x1F)<<6 | rune(last&0x3F)
	class := pages[pageIndex[r>>pageBits]][r%pageSize]
	r += deltas[class]
	return 0xC0 | byte(r>>6), 0x80 | byte(r&0x3F), class < classSigma && uint32(r-0x80) < 0x780
}

// reversePairs writes the two-byte characters at the end of src to dst in reverse order, and
// returns the number of bytes written. If swap is true, it swaps their case and stops at the first
// character that swapPair cannot convert. dst must be at least as long as src.
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

// swapPairs writes the two-byte characters at the start of src to dst with their case swapped, and
// returns the number of bytes written. It stops at the first character that swapPair cannot
// convert. dst must be at least as long as src.
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
