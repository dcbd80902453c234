package sequence

import (
	"strings"
	"unicode"

	eaw "golang.org/x/text/width"
)

// width returns the number of terminal columns that s occupies: two for a wide character (Unicode
// Standard Annex 11), none for a combining mark, one for any other.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch k := eaw.LookupRune(r).Kind(); {
		case r < 0x80:
			n++
		case unicode.In(r, unicode.Mn, unicode.Me):
		case k == eaw.EastAsianWide || k == eaw.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// pad appends blanks to s up to the given number of columns.
func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-width(s)))
}
