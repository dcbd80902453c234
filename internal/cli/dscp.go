package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A codePoint is a differentiated services code point with a name.
type codePoint struct {
	name  string
	value int
}

// codePoints lists the names of code points. DF, CS and AF are those of RFC 2474 and RFC 2597, EF that
// of RFC 3246, VOICE-ADMIT that of RFC 5865 and LE that of RFC 8622.
var codePoints = func() []codePoint {
	all := []codePoint{{"DF", 0}, {"LE", 1}, {"EF", 46}, {"VOICE-ADMIT", 44}}
	for class := range 8 {
		all = append(all, codePoint{fmt.Sprintf("CS%d", class), 8 * class})
	}
	for class := 1; class <= 4; class++ {
		for drop := 1; drop <= 3; drop++ {
			all = append(all, codePoint{fmt.Sprintf("AF%d%d", class, drop), 8*class + 2*drop})
		}
	}
	return all
}()

// dscpNames returns the names of the code points.
func dscpNames() (names []string) {
	for _, c := range codePoints {
		names = append(names, c.name)
	}
	return names
}

// parseDSCP parses a value of --dscp: a number from 0 to 63 or a name.
func parseDSCP(value string) (int, error) {
	known := func(c codePoint) bool { return strings.EqualFold(c.name, value) }
	if i := slices.IndexFunc(codePoints, known); i >= 0 {
		return codePoints[i].value, nil
	}
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return 0, usage("give a number from 0 to 63, or one of "+strings.Join(dscpNames(), ", "),
			"--dscp %q: unknown name", value)
	case n < 0 || n > 63:
		return 0, usage("the code point is the first six bits of the traffic class: divide the value of "+
			"that byte by four", "--dscp %d is not from 0 to 63", n)
	default:
		return n, nil
	}
}
