package cli

import (
	"bytes"
	"slices"

	"github.com/ohce/ohce/flip"
)

// filler is the beginning of a numbered text, repeated as often as necessary. It has no digits.
const filler = "Load ohce Abcdefghijklmnopqrstuvwxyz aBCDEFGHIJKLMNOPQRSTUVWXYZ "

// appendNumbered appends a text of the given size that ends with n. If the text is too short for n, it
// has the last digits.
func appendNumbered(dst []byte, n, size int) []byte {
	for room := size; room > 0; room -= min(room, len(filler)) {
		dst = append(dst, filler[:min(room, len(filler))]...)
	}
	for i := len(dst) - 1; n > 0 && i >= len(dst)-size; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
	return dst
}

// minNumbered is the shortest numbered text, in bytes, that has room for any number.
const minNumbered = 20

// numberOf returns a function that returns the number of the request that a datagram is the response
// to, of a server that applies t. The requests are numbered texts with the given sizes in turn. If a
// text can be too short for its number, numberOf returns nil.
func numberOf(sizes []int, t flip.Transform) func(response []byte) (n int, ok bool) {
	if len(sizes) == 0 || slices.Min(sizes) < minNumbered {
		return nil
	}
	filled := t.Append(nil, appendNumbered(nil, 0, slices.Max(sizes)))
	return func(response []byte) (n int, ok bool) {
		n, digits := parseNumber(response, t.Reverse)
		if n == 0 || len(response) != sizes[(n-1)%len(sizes)] {
			return 0, false
		}
		rest := len(response) - digits
		if t.Reverse {
			return n, bytes.Equal(response[digits:], filled[len(filled)-rest:])
		}
		return n, bytes.Equal(response[:rest], filled[:rest])
	}
}

// parseNumber returns the number at the end of a text, or the reversed number at its beginning, and
// how many digits it has. If there is no number without a leading zero, n is 0.
func parseNumber(text []byte, reversed bool) (n, digits int) {
	place := 1
	for digits < min(len(text), minNumbered-2) {
		c := text[digits]
		if !reversed {
			c = text[len(text)-1-digits]
		}
		if c < '0' || c > '9' {
			break
		}
		n += int(c-'0') * place
		place *= 10
		digits++
	}
	if digits == 0 || n < place/10 {
		return 0, digits
	}
	return n, digits
}
